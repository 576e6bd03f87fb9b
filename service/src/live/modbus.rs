//! What a Modbus adapter needs beyond its site: the way to it, its unit, its map.

use clearway_format::Model;
use clearway_modbus::adapter::Options;
use clearway_network::Controller;

use crate::config::{Config, ControllerEntry, ModbusEntry};

/// The options of one controller. Where the configuration names no map, the model's counts.
///
/// # Errors
/// A file that cannot be read or does not hold what it should; the reason for people.
pub fn options(
    config: &Config,
    model: &Model,
    controller: &Controller,
    entry: Option<&ControllerEntry>,
    address: &str,
) -> Result<Options, String> {
    let mut modbus = entry.and_then(|entry| entry.modbus.clone()).unwrap_or_default();
    if modbus.profile.is_none() && modbus.profile_file.is_none() {
        let link = model.controller_links.iter().find(|link| link.controller_id == controller.name);
        modbus.profile = link.map(|link| link.profile.clone()).filter(|name| name == "remote-io");
    }
    let isolated = config.insecure_isolated_segment;
    let accept_plaintext = isolated || entry.is_some_and(|entry| entry.accept_plaintext);
    let wrong = |(message, cure): (String, &str)| format!("modbus: {message}. {cure}");
    ModbusEntry::options(&modbus, config, address, accept_plaintext).map_err(wrong)
}
