//! What a site speaks: the Clearway register map, or the points of a profile.

use clearway_contract::{Answer, Ask, Site};

use crate::exchange::{Exchange, Request};
use crate::frame::{STATUS, UNIT};
use crate::points::PointExchange;
use crate::points::profile::Profile;

/// Which registers a device has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Map {
    /// The Clearway register map.
    #[default]
    Clearway,
    /// The points of a profile.
    Points {
        /// The profile.
        profile: Box<Profile>,
        /// The configuration hash that the wiring was commissioned for
        /// (`Junction::configuration_hash`); without it nothing arms.
        commissioned: Option<u32>,
    },
}

impl Map {
    /// The unit that devices of this map answer as, unless the site says otherwise.
    #[must_use]
    pub fn unit(&self) -> u8 {
        match self {
            Self::Clearway => UNIT,
            Self::Points { profile, .. } => profile.unit,
        }
    }
}

/// The exchange with one controller over one connection.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The Clearway register map.
    Map(Box<Exchange>),
    /// A profile.
    Points(Box<PointExchange>),
}

impl Dialog {
    /// For a site.
    #[must_use]
    pub fn new(site: Site, map: &Map) -> Self {
        match map {
            Map::Clearway => Self::Map(Box::new(Exchange::new(site))),
            Map::Points { profile, commissioned } => {
                Self::Points(Box::new(PointExchange::new(site, (**profile).clone(), *commissioned)))
            }
        }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        match self {
            Self::Map(exchange) => exchange.site(),
            Self::Points(exchange) => exchange.site(),
        }
    }

    /// The requests for an ask, in order.
    pub fn requests(&mut self, ask: &Ask) -> Vec<Request> {
        match self {
            Self::Map(exchange) => exchange.requests(ask),
            Self::Points(exchange) => exchange.requests(ask),
        }
    }

    /// The answer to an ask that reads, from the values that came, request by request.
    pub fn answer(&mut self, ask: &Ask, values: &[Vec<u16>]) -> Answer {
        match self {
            Self::Map(exchange) => exchange.answer(ask, values),
            Self::Points(exchange) => exchange.answer(ask, values),
        }
    }

    /// The read that tells why a write was refused, where the device says so.
    #[must_use]
    pub fn inquiry(&self) -> Option<Request> {
        match self {
            Self::Map(_) => Some(Request::Read(STATUS)),
            Self::Points(_) => None,
        }
    }

    /// Why the device refused, from the answer to the inquiry.
    #[must_use]
    pub fn refusal(&self, status: &[u16]) -> &'static str {
        match self {
            Self::Map(exchange) => exchange.refusal(status),
            Self::Points(_) => "no reason given",
        }
    }
}
