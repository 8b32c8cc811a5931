//! A script converts with one request: the file goes up, the result comes down, or the steps in between.

use reqwest::{
    Client, StatusCode, header,
    multipart::{Form, Part},
};
use serde_json::Value;

use crate::{command::Person, hub::Hub};

const CSV: &str = "name,amount\nAnn,1\nBob,22\n";

/// The one line of curl: `-T` puts.
fn put(hub: &Hub, ann: &Person, query: &str) -> reqwest::RequestBuilder {
    let url = format!("{}/api/v1/conversions?name=people.csv&{query}", hub.server);
    client().put(url).bearer_auth(token(ann)).body(CSV)
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn token(ann: &Person) -> String {
    ann.run(&["auth", "token"]).text().trim().to_owned()
}

fn get(hub: &Hub, ann: &Person, path: &str) -> reqwest::RequestBuilder {
    client().get(format!("{}/api/v1/conversions{path}", hub.server)).bearer_auth(token(ann))
}

#[tokio::test]
async fn the_answer_to_an_upload_is_its_result() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let result = put(&hub, &ann, "to=json&redirect=1").send().await.unwrap();

    assert_eq!(result.status(), StatusCode::OK);
    assert!(result.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().contains("people.json"));
    let rows: Value = serde_json::from_slice(&result.bytes().await.unwrap()).unwrap();
    assert!(rows.to_string().contains("Bob"), "{rows}");
}

#[tokio::test]
async fn a_form_is_an_upload_as_well() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let url = format!("{}/api/v1/conversions?redirect=1", hub.server);
    let file = Part::bytes(CSV.as_bytes()).file_name("people.csv");
    let form = Form::new().text("to", "json").part("file", file);

    let result = client().post(url).bearer_auth(token(&ann)).multipart(form).send().await.unwrap();

    assert_eq!(result.status(), StatusCode::OK);
    assert!(result.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().contains("people.json"));
    assert!(result.text().await.unwrap().contains("Bob"));
}

#[tokio::test]
async fn an_answer_that_waits_has_the_end_in_it() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let waited = put(&hub, &ann, "to=html&wait=60").send().await.unwrap();
    let too_long = put(&hub, &ann, "to=html&wait=61").send().await.unwrap();
    let at_once = put(&hub, &ann, "to=md").send().await.unwrap();

    assert_eq!((waited.status(), too_long.status()), (StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(waited.json::<Value>().await.unwrap()["state"], "completed");
    assert_eq!(at_once.status(), StatusCode::ACCEPTED);
    let job: Value = at_once.json().await.unwrap();
    let path = format!("/{}?wait=60", job["id"].as_str().unwrap());
    let ended: Value = get(&hub, &ann, &path).send().await.unwrap().json().await.unwrap();
    assert_eq!(ended["state"], "completed");
    let of_html: Value = get(&hub, &ann, "?to=html&from=csv").send().await.unwrap().json().await.unwrap();
    assert_eq!(of_html["items"].as_array().map(Vec::len), Some(1), "{of_html}");
}

#[tokio::test]
async fn the_steps_are_told_from_any_of_them_on_until_the_end() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let job: Value = put(&hub, &ann, "to=pdf").send().await.unwrap().json().await.unwrap();
    let events = format!("/{}/events", job["id"].as_str().unwrap());

    let lines = get(&hub, &ann, &events).send().await.unwrap().text().await.unwrap();
    let rest = get(&hub, &ann, &events).header("accept", "text/event-stream").header("last-event-id", "2");
    let rest = rest.send().await.unwrap().text().await.unwrap();
    let missing = get(&hub, &ann, "/019a0000-0000-7000-8000-000000000000/events").send().await.unwrap();

    let changes: Vec<(u64, String)> = lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event.get("progress").is_none())
        .map(|event| (event["seq"].as_u64().unwrap(), event["state"].as_str().unwrap().to_owned()))
        .collect();
    let told =
        [(1, "queued"), (2, "in_progress"), (3, "completed")].map(|(seq, state)| (seq, state.to_owned()));
    assert_eq!(changes, told);
    assert!(rest.starts_with("id: 3\ndata: {") && rest.contains("completed"), "{rest}");
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}
