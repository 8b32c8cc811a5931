//! For whoever runs the hub, and the raw API for what has no method here.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use wire::{
    accounts::{AdminUser, AdminUsers, Overview},
    paths,
};

use crate::{
    ask::{Ask, Signature},
    error::Error,
    hub::Hub,
};

impl Hub {
    /// Every account, newest first. Admins only.
    pub async fn admin_users(&self) -> Result<Vec<AdminUser>, Error> {
        let users: AdminUsers = self.ask(Ask::get(paths::ADMIN_USERS)).await?;
        Ok(users.items)
    }

    /// Figures of the hub. Admins only.
    pub async fn overview(&self) -> Result<Overview, Error> {
        self.ask(Ask::get(paths::ADMIN_OVERVIEW)).await
    }

    /// Any call: `path` begins with `/` and may hold a query. An answer without JSON comes as text, one without
    /// content as null. Refusals are [`Error::Problem`], as everywhere.
    pub async fn api(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), Error> {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let mut ask = Ask::new(method, path).signature(Signature::IfAny);
        if let Some(body) = body {
            ask = ask.json(&body)?;
        }
        let answer = self.send(ask).await?;
        let status = answer.status();
        let text = answer.text().await.map_err(|why| self.broken(&why).error)?;
        let value = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Ok((status, value))
    }
}
