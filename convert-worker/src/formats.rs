//! The live matrix: every pair of formats that works here, by which engines, how well, and what more could be had.

use axum::extract::State;
use convert::{Capability, Fidelity};
use platform::service::{ApiJson, internal::OnBehalfOf};
use wire::conversions::{EngineHealth, FormatPair, Formats, MissingPair};

use crate::state::App;

pub(crate) async fn list(State(app): State<App>, _: OnBehalfOf) -> ApiJson<Formats> {
    let engines = app.converters.health().into_iter().map(|health| EngineHealth {
        engine: health.engine.to_string(),
        state: state(health.state).to_owned(),
        detail: health.detail,
        third_party: health.engine.is_third_party(),
    });
    let missing = app.converters.missing().into_iter().map(|pair| MissingPair {
        from: pair.from.to_string(),
        to: pair.to.to_string(),
        install: pair.install.to_owned(),
    });
    ApiJson(Formats {
        items: pairs(&app.converters.capabilities()),
        engines: engines.collect(),
        missing: missing.collect(),
    })
}

/// One item a pair; the engines of a pair stand together, the first to be asked first.
fn pairs(capabilities: &[Capability]) -> Vec<FormatPair> {
    let same = |a: &Capability, b: &Capability| (a.from, a.to) == (b.from, b.to);
    let groups = capabilities.chunk_by(same).filter_map(|group| {
        let (first, rest) = group.split_first()?;
        Some(FormatPair {
            from: first.from.to_string(),
            to: first.to.to_string(),
            engine: first.engine.to_string(),
            fidelity: fidelity(first.fidelity).to_owned(),
            consent: group.iter().all(|pair| pair.engine.is_third_party()),
            also: rest.iter().map(|pair| pair.engine.to_string()).collect(),
        })
    });
    groups.collect()
}

fn state(state: convert::State) -> &'static str {
    match state {
        convert::State::Ready => "ready",
        convert::State::Resting => "resting",
        convert::State::Absent => "absent",
    }
}

fn fidelity(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Exact => "exact",
        Fidelity::High => "high",
        Fidelity::Flow => "flow",
        Fidelity::Data => "data",
    }
}
