//! What has to answer for the convert-worker to be ready.

use std::future;

use convert::Sandbox;
use platform::service::health::Health;

use crate::state::App;

pub(crate) fn parts(app: &App) -> Health {
    let [db, objects, scratch] = std::array::from_fn(|_| app.clone());
    let required = app.config.sandbox;
    Health::default()
        .note("sandbox", convert::sandbox_level().code())
        .check("sandbox", move || future::ready(well_locked(convert::sandbox_level(), required)))
        .check("database", move || {
            let app = db.clone();
            async move { app.db.ping().await }
        })
        .check("objects", move || {
            let app = objects.clone();
            async move { app.objects.ping().await }
        })
        .check("work folder", move || {
            let app = scratch.clone();
            async move { app.scratch.ping().await }
        })
}

/// Whether documents can be locked up as is required; a worker that cannot takes plain text only.
fn well_locked(has: Sandbox, required: Sandbox) -> Result<(), String> {
    if has < required {
        return Err(format!("documents are locked up at level {has}, and {required} is required"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_locks_up_less_than_is_required_is_not_ready() {
        assert_eq!(well_locked(Sandbox::Full, Sandbox::Landlock), Ok(()));
        assert_eq!(well_locked(Sandbox::Limits, Sandbox::Limits), Ok(()));
        let unready = well_locked(Sandbox::Limits, Sandbox::Full).unwrap_err();
        assert!(unready.contains("limits") && unready.contains("full"), "{unready}");
    }
}
