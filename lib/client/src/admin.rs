//! For whoever runs the hub, and the raw API for what has no method here.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use wire::{
    JobId,
    accounts::{AdminUser, AdminUsers, Overview},
    conversions::{DeadLetter, DeadLetters},
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

    /// A page of the conversions that failed after every attempt although no document is at fault; `cursor` is `next` of
    /// the page before. Admins only.
    pub async fn dead_letters(&self, cursor: Option<String>) -> Result<DeadLetters, Error> {
        let mut ask = Ask::get(paths::ADMIN_DEAD_LETTERS);
        if let Some(cursor) = cursor {
            ask = ask.query("cursor", cursor);
        }
        self.ask(ask).await
    }

    /// Starts one of them again. Admins only.
    pub async fn replay_dead_letter(&self, id: JobId) -> Result<DeadLetter, Error> {
        self.ask(Ask::new(Method::POST, paths::fill(paths::ADMIN_DEAD_LETTER_REPLAY, id))).await
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
