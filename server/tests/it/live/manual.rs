//! mshub-protocol(7) has every frame and every close code, and no others.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use wire::frames::{ToClient, ToServer};

const PAGE: &str = include_str!("../../../../man/mshub-protocol.7");
const FRAMES: &str = include_str!("../../../../lib/wire/src/frames.rs");

/// The items of a section's list.
fn items(section: &str) -> BTreeSet<String> {
    let from = PAGE.find(&format!(".Sh {section}\n")).unwrap();
    let section = &PAGE[from + 4..];
    let section = &section[..section.find("\n.Sh ").unwrap()];
    let items = section.lines().filter_map(|line| line.strip_prefix(".It "));
    items.map(|item| item.trim_start_matches("Li ").to_owned()).collect()
}

/// The names that serde knows of a tagged enum: it lists them when it is asked for one that is not there.
fn names<T: DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_json::from_str::<T>(r#"{"t":"?"}"#) else { panic!("there is a frame `?`") };
    let text = error.to_string();
    let listed = text.split_once("expected").unwrap().1;
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_frame_is_in_the_manual() {
    assert_eq!(names::<ToServer>(), items("FROM THE CLIENT"));
    assert_eq!(names::<ToClient>(), items("FROM THE SERVER"));
}

#[test]
fn every_close_code_is_in_the_manual() {
    let module = &FRAMES[FRAMES.find("pub mod close {").unwrap()..];
    let module = &module[..module.find("\n}").unwrap()];
    let codes = module.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    let codes: BTreeSet<String> =
        codes.map(|line| line.split("= ").nth(1).unwrap().trim_end_matches(';').to_owned()).collect();

    assert!(codes.len() >= 7, "{codes:?}");
    assert_eq!(codes, items("CLOSE CODES"));
}
