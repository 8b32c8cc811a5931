//! The API's document: committed, current, and nothing in it that is not a path of the contract.

use std::path::Path;

use wire::paths;

use crate::fixture::Server;

#[test]
fn the_committed_document_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut current = mshub_server::openapi().to_pretty_json().unwrap();
    current.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &current).unwrap();
    }

    let committed = std::fs::read_to_string(&file).unwrap_or_default();

    assert!(
        committed == current,
        "server/openapi.json is out of date: run this test with UPDATE=1 and look at the diff"
    );
}

#[test]
fn every_documented_path_is_one_of_the_contract_and_the_other_way_round() {
    let contract = [
        paths::HUB_INFO,
        paths::JWKS,
        paths::SIGNUP,
        paths::VERIFY,
        paths::RESEND,
        paths::LOGIN,
        paths::REFRESH,
        paths::LOGOUT,
        paths::SESSIONS,
        paths::SESSION,
        paths::ME,
        paths::MY_PHOTO,
        paths::USER,
        paths::USER_PHOTO,
        paths::MAIL,
        paths::ROOMS,
        paths::ROOM,
        paths::ROOM_JOIN,
        paths::ROOM_LEAVE,
        paths::ROOM_INVITES,
        paths::ROOM_MEMBERS,
        paths::ROOM_MEMBER,
        paths::ROOM_OPS,
        paths::ROOM_PINS,
        paths::ROOM_READ,
        paths::ROOM_TAIL,
        paths::DIRECT,
        paths::SEARCH,
        paths::ROOM_MESSAGES,
        paths::ROOM_EVENTS,
        paths::ROOM_HEAD,
        paths::ROOM_FILES,
        paths::ROOM_CONVERSIONS,
        paths::FILE,
        paths::FILE_INFO,
        paths::FILE_THUMBNAIL,
        paths::LIVE,
        paths::CONVERSIONS,
        paths::FORMATS,
        paths::WEBHOOK_SECRET,
        paths::CONVERSION,
        paths::CONVERSION_CANCEL,
        paths::CONVERSION_RETRY,
        paths::CONVERSION_REPORT,
        paths::CONVERSION_EVENTS,
        paths::CONVERSION_RESULT,
        paths::UPLOADS,
        paths::UPLOAD,
        paths::BATCHES,
        paths::BATCH,
        paths::BATCH_CANCEL,
        paths::OBJECT,
        paths::ADMIN_USERS,
        paths::ADMIN_OVERVIEW,
        paths::ADMIN_DEAD_LETTERS,
        paths::ADMIN_DEAD_LETTER_REPLAY,
    ];
    let document = mshub_server::openapi();

    for path in document.paths.paths.keys() {
        assert!(contract.contains(&path.as_str()), "{path} is documented and not in wire::paths");
    }
    for path in contract {
        assert!(document.paths.paths.contains_key(path), "{path} is in wire::paths and not documented");
    }
}

#[test]
fn what_needs_a_token_says_so() {
    let document = serde_json::to_value(mshub_server::openapi()).unwrap();
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let open = [
        paths::HUB_INFO,
        paths::JWKS,
        paths::SIGNUP,
        paths::VERIFY,
        paths::RESEND,
        paths::LOGIN,
        paths::REFRESH,
        paths::MAIL,
        paths::LIVE,
        paths::OBJECT,
    ];

    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let needs_token = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
            let is_open = open.contains(&path.as_str()) || method == "options";
            assert_eq!(needs_token, !is_open, "{method} {path}");
        }
    }
}

#[test]
fn a_parameter_is_of_the_path_only_where_the_path_names_it() {
    let document = serde_json::to_value(mshub_server::openapi()).unwrap();

    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, place) = (parameter["name"].as_str().unwrap(), &parameter["in"]);
                let named = path.contains(&format!("{{{name}}}")) || path.contains(&format!("{{*{name}}}"));
                assert_eq!(place == "path", named, "{method} {path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_documented_to_need_a_token_refuses_without_one() {
    let server = Server::start().await;
    let document = serde_json::to_value(mshub_server::openapi()).unwrap();
    let id = uuid::Uuid::now_v7().to_string();

    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation["security"].is_null() {
                continue;
            }
            let verb = method.to_uppercase().parse().unwrap();
            let answer = server.send(server.request(verb, &paths::fill(path, &id))).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            // The answer to `HEAD` has no body.
            assert!(method == "head" || answer.code() == "MSH-4010", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_document_and_its_reader_are_served() {
    let server = Server::start().await;

    let document = server.get(paths::OPENAPI, "").await.good();
    let reader = server.get("/docs/", "").await;

    assert_eq!(document["info"]["title"], "MicroServiceHub");
    assert_eq!(reader.status, 200);
    assert!(reader.text().contains("swagger-ui"));
}
