//! `[incidents]`: what a case of the dispatch centre does to trams and buses.

use schemars::JsonSchema;
use serde::Deserialize;

/// Incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Incidents {
    /// What a case with a place does.
    pub cases: Cases,
}

/// What a case with a place does to the links there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cases {
    /// Nothing.
    Ignore,
    /// An incident is proposed; nothing is closed until an operator confirms it.
    #[default]
    Propose,
    /// The links are closed to trams and buses at once, until the incident is ended.
    Close,
}
