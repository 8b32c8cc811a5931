//! The live matrix: every pair of formats that works here, and how well.

use convert::Fidelity;
use platform::service::{ApiJson, internal::OnBehalfOf};
use wire::conversions::{FormatPair, Formats};

pub(crate) async fn list(_: OnBehalfOf) -> ApiJson<Formats> {
    let items = convert::formats()
        .into_iter()
        .map(|pair| FormatPair {
            from: pair.from.code().to_owned(),
            to: pair.to.code().to_owned(),
            engine: pair.engine.to_owned(),
            fidelity: name(pair.fidelity).to_owned(),
        })
        .collect();
    ApiJson(Formats { items })
}

fn name(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Exact => "exact",
        Fidelity::High => "high",
        Fidelity::Flow => "flow",
        Fidelity::Data => "data",
    }
}
