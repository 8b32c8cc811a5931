//! The whole API on one page.

use axum::{Router, extract::DefaultBodyLimit, middleware};
use platform::service::{
    health::{self, Health},
    problem::{no_method, no_route},
    telemetry,
};
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};
use utoipa::{
    OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;
use wire::paths;

use crate::{accounts, admin, conversions, files, live, rooms, state::App, uploads, web};

/// JSON bodies; uploads stream and have a limit of their own.
const BODY_LIMIT: usize = 256 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(title = "MicroServiceHub", description = "Chat rooms that lose nothing, and file conversion you can watch."),
    components(schemas(wire::Problem)),
    modifiers(&Bearer)
)]
struct Document;

/// How requests say who makes them.
struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(accounts::info::show))
        .routes(routes!(accounts::keys::jwks))
        .routes(routes!(accounts::signup::sign_up))
        .routes(routes!(accounts::verify::verify))
        .routes(routes!(accounts::verify::resend))
        .routes(routes!(accounts::login::login))
        .routes(routes!(accounts::sessions::refresh))
        .routes(routes!(accounts::sessions::logout))
        .routes(routes!(accounts::sessions::list))
        .routes(routes!(accounts::sessions::revoke))
        .routes(routes!(accounts::profile::me, accounts::profile::edit))
        .routes(routes!(accounts::profile::user))
        .routes(routes!(accounts::photo::mine, accounts::photo::set, accounts::photo::remove))
        .routes(routes!(accounts::photo::of_user))
        .routes(routes!(accounts::mail::list))
        .routes(routes!(rooms::list::list, rooms::new::new))
        .routes(routes!(rooms::show::show, rooms::edit::edit, rooms::edit::close))
        .routes(routes!(rooms::direct::open))
        .routes(routes!(rooms::members::list))
        .routes(routes!(rooms::members::join))
        .routes(routes!(rooms::members::leave))
        .routes(routes!(rooms::members::invite))
        .routes(routes!(rooms::members::set_role, rooms::members::kick))
        .routes(routes!(rooms::messages::list, rooms::say::say))
        .routes(routes!(rooms::messages::pins))
        .routes(routes!(rooms::act::act))
        .routes(routes!(rooms::read::read))
        .routes(routes!(rooms::history::history))
        .routes(routes!(rooms::head::head))
        .routes(routes!(rooms::tail::tail))
        .routes(routes!(rooms::search::search))
        .routes(routes!(files::list::list, files::upload::upload))
        .routes(routes!(files::download::download))
        .routes(routes!(files::download::info))
        .routes(routes!(files::thumbnail::thumbnail))
        .routes(routes!(conversions::in_room::create))
        .routes(routes!(live::socket::open))
        .routes(routes!(conversions::jobs::list, conversions::upload::create, conversions::upload::put))
        .routes(routes!(conversions::jobs::formats))
        .routes(routes!(conversions::jobs::webhook_secret))
        .routes(routes!(conversions::jobs::show, conversions::jobs::remove))
        .routes(routes!(conversions::jobs::cancel))
        .routes(routes!(conversions::jobs::retry))
        .routes(routes!(conversions::jobs::report))
        .routes(routes!(conversions::batches::list, conversions::batches::create))
        .routes(routes!(conversions::batches::show, conversions::batches::remove))
        .routes(routes!(conversions::batches::cancel))
        .routes(routes!(conversions::events::events))
        .routes(routes!(conversions::download::result))
        .routes(routes!(conversions::download::object))
        .merge(uploads::routes())
        .routes(routes!(admin::users::list))
        .routes(routes!(admin::overview::show))
        .routes(routes!(admin::dead_letters::list))
        .routes(routes!(admin::dead_letters::replay))
}

/// The OpenAPI document, as the handlers declare it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().split_for_parts().1
}

/// The application behind the API's listener. Whoever opens it in a browser is sent to the page on its own port, if there
/// is one.
pub(crate) fn api(state: &App, page: Option<u16>) -> Router {
    let home = axum::routing::get(move |headers| web::home(page, headers));
    dress(plain().route("/", home), state)
}

/// The application behind the page's listener: the same API, and the page for every other path.
pub(crate) fn web(state: &App) -> Router {
    dress(plain().fallback(web::page), state)
}

fn plain() -> Router<App> {
    let (router, document) = documented().split_for_parts();
    router
        .merge(SwaggerUi::new(paths::DOCS).url(paths::OPENAPI, document))
        .route(paths::VERIFY_PAGE, axum::routing::get(accounts::verify::page).post(accounts::verify::submit))
        .route("/docs/errors", axum::routing::get(web::errors))
        .merge(health::livez())
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
}

fn dress(router: Router<App>, state: &App) -> Router {
    router
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(web::panicked))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(header("x-frame-options", "DENY"))
        .layer(middleware::from_fn_with_state(crate::SERVICE, telemetry::observe))
        .with_state(state.clone())
}

fn header(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<axum::http::HeaderValue> {
    SetResponseHeaderLayer::if_not_present(
        axum::http::HeaderName::from_static(name),
        axum::http::HeaderValue::from_static(value),
    )
}

/// What has to answer for the gateway to be ready.
pub(crate) fn health(state: &App) -> Health {
    let [db, bus, objects, live] = std::array::from_fn(|_| state.clone());
    Health::default()
        .check("database", move || {
            let state = db.clone();
            async move { state.db.ping().await }
        })
        .check("log", move || {
            let state = bus.clone();
            async move { state.bus.ping().await }
        })
        .check("objects", move || {
            let state = objects.clone();
            async move { state.objects.ping().await }
        })
        .check("live", move || {
            let state = live.clone();
            async move { live::ping(&state).await }
        })
}
