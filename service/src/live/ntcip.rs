//! What an NTCIP adapter needs beyond its site: credentials, profile, where groups are shown.

use clearway_format::Model;
use clearway_format::model::{GroupBinding, SignalGroupRow};
use clearway_network::Controller;
use clearway_ntcip::adapter::{Credentials, Options, User};
use clearway_ntcip::{Commissioned, Output, Profile};

use super::sites::COMMUNITY_DEFAULT;
use crate::config::{Config, ControllerEntry, NtcipEntry, SnmpEntry};

/// The options of one controller.
///
/// # Errors
/// A file that cannot be read or does not hold what it should; the reason for people.
pub fn options(
    config: &Config,
    model: &Model,
    controller: &Controller,
    entry: Option<&ControllerEntry>,
) -> Result<Options, String> {
    Ok(Options {
        credentials: credentials(config, entry)?,
        profile: profile(config, model, controller, entry)?,
        outputs: outputs(model, controller),
        commissioned: commissioned(entry)?,
        accept_plaintext: entry.is_some_and(|entry| entry.accept_plaintext),
        facts: None,
    })
}

fn credentials(config: &Config, entry: Option<&ControllerEntry>) -> Result<Credentials, String> {
    let secret = |path: &std::path::Path| {
        config
            .read_secret(path)
            .map_err(|error| format!("{} cannot be read: {error}", config.resolve(path).display()))
    };
    let community = || match entry.and_then(|entry| entry.community_file.as_deref()) {
        Some(path) => secret(path),
        None => Ok(COMMUNITY_DEFAULT.to_owned()),
    };
    match entry.and_then(|entry| entry.snmp.as_ref()) {
        None | Some(SnmpEntry { version: 1, .. }) => community().map(Credentials::V1),
        Some(SnmpEntry { version: 2, .. }) => community().map(Credentials::V2c),
        Some(snmp) => {
            let said = |word: &Option<String>| word.clone().ok_or("snmp lacks a part of its user");
            let auth = said(&snmp.auth)?.parse().map_err(|error| format!("snmp.auth: {error}"))?;
            let auth_password = secret(snmp.auth_file.as_deref().ok_or("snmp lacks auth_file")?)?;
            let privacy = match (&snmp.privacy, &snmp.privacy_file) {
                (Some(word), Some(file)) => {
                    Some((word.parse().map_err(|error| format!("snmp.privacy: {error}"))?, secret(file)?))
                }
                (None, None) => None,
                _ => return Err("snmp lacks privacy or privacy_file".into()),
            };
            let privacy = privacy.as_ref().map(|(algorithm, password)| (*algorithm, password.as_str()));
            let user = User::new(&said(&snmp.user)?, (auth, &auth_password), privacy);
            user.map(|user| Credentials::V3(Box::new(user))).map_err(|error| format!("snmp: {error}"))
        }
    }
}

/// The profile of the configuration, else that of the model; the standard where neither knows one.
fn profile(
    config: &Config,
    model: &Model,
    controller: &Controller,
    entry: Option<&ControllerEntry>,
) -> Result<Profile, String> {
    if let Some(file) = entry.and_then(|entry| entry.profile_file.as_deref()) {
        let path = config.resolve(file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        return Profile::from_toml(&text).map_err(|error| format!("{}: {error}", path.display()));
    }
    if let Some(name) = entry.and_then(|entry| entry.profile.as_deref()) {
        return Profile::named(name).ok_or_else(|| format!("there is no profile `{name}`"));
    }
    let link = model.controller_links.iter().find(|link| link.controller_id == controller.name);
    Ok(link.and_then(|link| Profile::named(&link.profile)).unwrap_or_default())
}

/// What the controller was at commissioning, where the configuration says so.
fn commissioned(entry: Option<&ControllerEntry>) -> Result<Option<Commissioned>, String> {
    let ntcip = entry.and_then(|entry| entry.ntcip.as_ref());
    ntcip.map(NtcipEntry::commissioned).transpose().map_err(|error| format!("ntcip.checksum: {error}"))
}

/// Where the model says that each group is shown, by `GroupId`: the order of the model's groups.
fn outputs(model: &Model, controller: &Controller) -> Vec<Output> {
    let groups = model.groups.iter().filter(|group| group.controller_id == controller.name);
    let shown = |(group, number): (&SignalGroupRow, &u8)| {
        let same = |binding: &&GroupBinding| {
            binding.controller_id == controller.name && binding.group_num == group.group_num
        };
        match model.group_bindings.iter().find(same).map(|binding| binding.target.as_str()) {
            Some("overlap") => Output::Overlap(*number),
            Some("channel") => Output::Channel(*number),
            _ => Output::Phase(*number),
        }
    };
    groups.zip(&controller.group_numbers).map(shown).collect()
}
