//! What has to answer for the convert-worker to be ready.

use platform::service::health::Health;

use crate::state::App;

pub(crate) fn parts(app: &App) -> Health {
    let [db, objects, scratch] = std::array::from_fn(|_| app.clone());
    Health::default()
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
