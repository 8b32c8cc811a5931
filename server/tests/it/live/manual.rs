//! mshub-protocol(7) has every frame, every kind of event, what each of them has, and every close code, and no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::ToSchema;
use wire::{
    events::{RoomEvent, What},
    frames::{ToClient, ToServer},
    heads::Standing,
};

const PAGE: &str = include_str!("../../../../man/mshub-protocol.7");
const FRAMES: &str = include_str!("../../../../lib/wire/src/frames.rs");

/// The text of a section.
fn section(title: &str) -> &'static str {
    let from = PAGE.find(&format!(".Sh {title}\n")).unwrap();
    let section = &PAGE[from + 4..];
    &section[..section.find("\n.Sh ").unwrap()]
}

/// The items of a section's list, and what is said of each.
fn items(title: &str) -> BTreeMap<String, &'static str> {
    let list = section(title);
    let items = list[..list.find("\n.El").unwrap()].split("\n.It ").skip(1);
    let named = items.map(|item| item.split_once('\n').unwrap());
    named.map(|(name, text)| (name.trim_start_matches("Li ").to_owned(), text)).collect()
}

/// The literal words of a text.
fn literals(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter_map(|line| line.split_once("Li "));
    let words = lines.flat_map(|(_, words)| words.split(' '));
    words
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !word.is_empty())
        .collect()
}

/// What serde writes, as the schema of the same type has it.
struct Schema {
    root: Value,
    named: BTreeMap<String, Value>,
}

impl Schema {
    fn of<T: ToSchema>() -> Self {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let json = |schema| serde_json::to_value(schema).unwrap();
        let named = named.into_iter().map(|(name, schema)| (name, json(schema))).collect();
        Self { root: serde_json::to_value(T::schema()).unwrap(), named }
    }

    /// Each variant by its tag, with the names of its other fields. What an event has is told of events.
    fn variants(&self, tag: &str) -> BTreeMap<String, BTreeSet<String>> {
        let variants = self.root["oneOf"].as_array().unwrap().iter();
        variants
            .map(|variant| {
                let mut fields = BTreeMap::new();
                self.collect(variant, &mut fields);
                let name = fields.remove(tag).unwrap()["enum"][0].as_str().unwrap().to_owned();
                (name, fields.into_keys().collect())
            })
            .collect()
    }

    fn collect(&self, schema: &Value, fields: &mut BTreeMap<String, Value>) {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next())
            && name != "RoomEvent"
        {
            self.collect(&self.named[name], fields);
        }
        let parts = ["allOf", "oneOf"].map(|parts| schema[parts].as_array());
        for part in parts.into_iter().flatten().flatten() {
            self.collect(part, fields);
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            fields.insert(name.clone(), field.clone());
        }
    }
}

/// Each of these has its item, nothing else has, and what it has is said there.
fn are_told(variants: &BTreeMap<String, BTreeSet<String>>, title: &str) {
    let items = items(title);
    assert_eq!(variants.keys().collect::<Vec<_>>(), items.keys().collect::<Vec<_>>(), "{title}");
    for (name, fields) in variants {
        // What passes has a section of its own.
        let more = if name == "eph" { section("WHAT PASSES") } else { "" };
        let told: BTreeSet<_> = [items[name], more].into_iter().flat_map(literals).collect();
        let untold: Vec<_> = fields.iter().filter(|field| !told.contains(&field.as_str())).collect();
        assert!(untold.is_empty(), "{title}: of {name} the manual does not say {untold:?}");
    }
}

#[test]
fn every_frame_is_in_the_manual_with_all_that_it_has() {
    let (theirs, ours) = (Schema::of::<ToServer>().variants("t"), Schema::of::<ToClient>().variants("t"));

    are_told(&theirs, "FROM THE CLIENT");
    are_told(&ours, "FROM THE SERVER");

    // That fields are found at all, also those that stand in another type.
    assert!(theirs["op"].len() == 5 && ours["eph"].len() >= 8 && ours["err"].len() == 8, "{ours:?}");
}

#[test]
fn every_kind_of_event_is_in_the_manual_with_all_that_it_has() {
    let mut kinds = Schema::of::<What>().variants("kind");
    // Nobody writes it: it stands for what this version does not know.
    kinds.remove("unknown");

    are_told(&kinds, "EVENTS");

    let event = Schema::of::<RoomEvent>().root;
    let every: Vec<_> = event["allOf"][1]["properties"].as_object().unwrap().keys().collect();
    let told = literals(section("EVENTS").split(".Bl ").next().unwrap());
    assert!(every.len() >= 8 && every.iter().all(|field| told.contains(field.as_str())), "{every:?}");
}

#[test]
fn the_manual_names_no_field_that_is_not_there() {
    let events = Schema::of::<RoomEvent>();
    let frames = [Schema::of::<ToServer>(), Schema::of::<ToClient>(), Schema::of::<What>(), events];
    let mut known = BTreeSet::new();
    for schema in &frames {
        for part in schema.named.values().chain([&schema.root]) {
            names_of(part, &mut known);
        }
    }

    for title in ["FROM THE CLIENT", "FROM THE SERVER", "EVENTS", "WHAT PASSES"] {
        let strange: Vec<_> =
            literals(section(title)).into_iter().filter(|word| !known.contains(*word)).collect();
        assert!(strange.iter().all(|word| matches!(*word, "true" | "false" | "or")), "{title}: {strange:?}");
    }
}

/// Names of fields, and values that are names, at any depth.
fn names_of(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                if let ("properties", Some(fields)) = (name.as_str(), member.as_object()) {
                    names.extend(fields.keys().cloned());
                }
                if let ("enum", Some(values)) = (name.as_str(), member.as_array()) {
                    names.extend(values.iter().filter_map(|value| value.as_str().map(str::to_owned)));
                }
                names_of(member, names);
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| names_of(part, names)),
        _ => {}
    }
}

#[test]
fn the_example_of_the_chain_hash_is_right() {
    let section = section("THE CHAIN HASH");
    let mut event: Value = section.lines().find(|line| line.starts_with('{')).unwrap().parse().unwrap();
    let id = uuid::Uuid::nil().to_string();
    for (name, value) in [("id", &*id), ("room", &id), ("ts", "2026-11-24T00:00:00Z"), ("name", "Ann")] {
        event[name] = value.into();
    }
    let event: RoomEvent = serde_json::from_value(event).unwrap();

    let head = Standing::default().after(&event).head(event.room);

    assert!(section.contains(&format!(".Li n\n{} and\n.Li h\n.Li {} .\n", head.n, head.h)), "{head:?}");
}

#[test]
fn every_close_code_is_in_the_manual() {
    let module = &FRAMES[FRAMES.find("pub mod close {").unwrap()..];
    let module = &module[..module.find("\n}").unwrap()];
    let codes = module.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    let codes: BTreeSet<String> =
        codes.map(|line| line.split("= ").nth(1).unwrap().trim_end_matches(';').to_owned()).collect();

    assert!(codes.len() >= 7, "{codes:?}");
    assert_eq!(codes, items("CLOSE CODES").into_keys().collect());
}
