//! Sites: what the model and the configuration together say of each controller.

use clearway_contract::{Protocol, Site};
use clearway_format::Model;
use clearway_network::{Controller, Network};
use clearway_signals::limits::BACKUP_TIME_MAX;
use clearway_signals::{Millis, Owner};

use crate::config::{Config, ControllerEntry};

/// A site and what only its adapter needs.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The site.
    pub site: Site,
    /// How to speak NTCIP to it.
    pub ntcip: clearway_ntcip::adapter::Options,
    /// How to speak Modbus to it.
    pub modbus: clearway_modbus::adapter::Options,
    /// How it is reached by RSMP, where it is an RSMP site.
    pub rsmp: Option<super::rsmp::Reached>,
}

/// Why a site cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The configuration names a file that cannot be read or does not hold what it should.
    #[error("controller {controller}: {reason}")]
    Ntcip {
        /// The model's id.
        controller: String,
        /// What is wrong.
        reason: String,
    },
    /// The same for Modbus.
    #[error("controller {controller}: {reason}")]
    Modbus {
        /// The model's id.
        controller: String,
        /// What is wrong.
        reason: String,
    },
    /// The same for RSMP.
    #[error("controller {controller}: {reason}")]
    Rsmp {
        /// The model's id.
        controller: String,
        /// What is wrong.
        reason: String,
    },
}

/// The community of emulated controllers and of devices as they come; a real one stands in a file.
pub const COMMUNITY_DEFAULT: &str = "administrator";

/// The sites that can be reached: controllers without an address are left alone.
///
/// In shadow no row is ours: nothing can be written, whatever is planned.
///
/// # Errors
/// A secret that cannot be read.
pub fn reaches(network: &Network, model: &Model, config: &Config) -> Result<Vec<Reach>, SiteError> {
    let mut reaches = Vec::new();
    for controller in &network.controllers {
        let entry = config.controllers.iter().map(|e| e.as_ref()).find(|e| e.id == controller.name);
        let link = model.controller_links.iter().find(|l| l.controller_id == controller.name);
        let word = entry.and_then(|e| e.protocol.clone()).or_else(|| link.map(|l| l.protocol.clone()));
        let address = entry.and_then(|e| e.address.clone()).or_else(|| link.map(|l| l.address.clone()));
        let protocol = match word.as_deref() {
            Some("ntcip") => Protocol::Ntcip,
            Some("modbus") => Protocol::Modbus,
            Some("rsmp") => Protocol::Rsmp,
            _ => continue,
        };
        let rsmp = match protocol {
            Protocol::Rsmp => Some(
                super::rsmp::reached(config, controller, entry)
                    .map_err(|reason| SiteError::Rsmp { controller: controller.name.clone(), reason })?,
            ),
            Protocol::Ntcip | Protocol::Modbus => None,
        };
        // A site connects to us, and is known by its id.
        let site_id = rsmp.as_ref().map(|reached| reached.options.binding.site_id.clone());
        let Some(address) = site_id.or_else(|| address.filter(|a| !a.is_empty())) else { continue };
        let mut site = site(controller, protocol, address, entry);
        if config.engine.shadow {
            site.rows.iter_mut().for_each(|row| row.owner = Owner::Other);
        }
        let ntcip = super::ntcip::options(config, model, controller, entry)
            .map_err(|reason| SiteError::Ntcip { controller: controller.name.clone(), reason })?;
        let modbus = match protocol {
            Protocol::Modbus => super::modbus::options(config, model, controller, entry, &site.address)
                .map_err(|reason| SiteError::Modbus { controller: controller.name.clone(), reason })?,
            Protocol::Ntcip | Protocol::Rsmp => clearway_modbus::adapter::Options::default(),
        };
        reaches.push(Reach { site, ntcip, modbus, rsmp });
    }
    Ok(reaches)
}

fn site(
    controller: &Controller,
    protocol: Protocol,
    address: String,
    entry: Option<&ControllerEntry>,
) -> Site {
    let limit = entry.and_then(|e| e.backup_time_max_s).map(|s| Millis::from_s(i64::from(s)));
    Site {
        controller: controller.id,
        name: controller.name.clone(),
        protocol,
        address,
        groups: controller.groups.clone(),
        group_numbers: controller.group_numbers.clone(),
        relations: controller.relations.clone(),
        rows: controller.rows.clone(),
        capabilities: controller.capabilities,
        detectors: controller.detectors.iter().map(|d| d.number).collect(),
        backup_time_max: limit.unwrap_or(BACKUP_TIME_MAX),
    }
}
