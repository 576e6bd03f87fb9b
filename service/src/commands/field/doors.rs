//! How the emulated controllers are reached: SNMP users, Modbus frames and maps, TLS of Modbus and RSMP.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use clearway_field::FieldOptions;
use clearway_field::faces::modbus::{self, Framing, Map};
use clearway_field::faces::ntcip::SnmpUser;
use clearway_field::faces::rsmp;
use miette::{IntoDiagnostic, Result, WrapErr, miette};

/// The form of Modbus frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModbusFraming {
    /// Modbus TCP.
    Tcp,
    /// Serial frames over TCP.
    Rtu,
}

/// The registers of Modbus controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModbusMap {
    /// The Clearway register map.
    Clearway,
    /// A remote I/O module: a coil for each row.
    Relay,
}

/// Who may speak to the controllers, and how.
#[derive(Debug, Args)]
pub struct DoorArgs {
    /// A user of SNMP version 3 beside the community.
    #[arg(long, value_name = "NAME", requires = "snmp_auth_file")]
    pub snmp_user: Option<String>,
    /// How the user's messages are authenticated: sha1, sha224, sha256, sha384 or sha512.
    #[arg(long, value_name = "ALGORITHM", default_value = "sha256")]
    pub snmp_auth: String,
    /// File with the password of authentication.
    #[arg(long, value_name = "FILE", requires = "snmp_user")]
    pub snmp_auth_file: Option<PathBuf>,
    /// How the user's messages are encrypted: aes128, aes192-blumenthal, aes256-reeder…
    #[arg(long, value_name = "ALGORITHM", default_value = "aes128")]
    pub snmp_privacy: String,
    /// File with the password of encryption; without it the user's messages are readable.
    #[arg(long, value_name = "FILE", requires = "snmp_user")]
    pub snmp_privacy_file: Option<PathBuf>,
    /// The form of Modbus frames.
    #[arg(long, value_enum, default_value_t = ModbusFraming::Tcp)]
    pub modbus_framing: ModbusFraming,
    /// The registers of Modbus controllers.
    #[arg(long, value_enum, default_value_t = ModbusMap::Clearway)]
    pub modbus_map: ModbusMap,
    /// The unit that Modbus controllers answer as.
    #[arg(long, value_name = "UNIT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=247))]
    pub modbus_unit: u8,
    /// TLS 1.3 for Modbus and RSMP: PEM file of the authority of the others' certificates.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// PEM file of the controllers' certificate. Modbus needs one; an RSMP supervisor may ask for one.
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_ca"])]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of its key.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Role that may write over Modbus with TLS; again for more.
    #[arg(long, value_name = "ROLE", default_value = "operator")]
    pub tls_writer: Vec<String>,
    /// Role that may only read over Modbus with TLS; again for more.
    #[arg(long, value_name = "ROLE")]
    pub tls_reader: Vec<String>,
    /// The name in the RSMP supervisor's certificate; its host when not given.
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    pub rsmp_tls_name: Option<String>,
}

impl DoorArgs {
    /// Put what is asked into the options of a field. `speaks_modbus`: a certificate is needed with TLS.
    ///
    /// # Errors
    /// A file that cannot be read or does not hold what it should.
    pub fn apply(&self, options: &mut FieldOptions, speaks_modbus: bool) -> Result<()> {
        options.ntcip.users.extend(self.user()?);
        options.modbus.framing = match self.modbus_framing {
            ModbusFraming::Tcp => Framing::Tcp,
            ModbusFraming::Rtu => Framing::Rtu,
        };
        options.modbus.map = match self.modbus_map {
            ModbusMap::Clearway => Map::Clearway,
            ModbusMap::Relay => Map::Relay,
        };
        options.modbus.unit = self.modbus_unit;
        let Some(authority) = &self.tls_ca else { return Ok(()) };
        let authority = read(authority)?;
        let identity = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            _ => None,
        };
        let identity = identity.as_ref().map(|(chain, key)| (chain.as_bytes(), key.as_bytes()));
        if speaks_modbus {
            let Some((chain, key)) = identity else {
                return Err(miette!("Modbus with TLS needs --tls-certificate and --tls-key"));
            };
            let (writers, readers) = (words(&self.tls_writer), words(&self.tls_reader));
            let tls = modbus::Tls::from_pem(authority.as_bytes(), chain, key, &writers, &readers);
            options.modbus.tls = Some(tls.into_diagnostic()?);
        }
        let name = self.rsmp_tls_name.as_deref();
        options.rsmp_tls = Some(rsmp::Tls::from_pem(authority.as_bytes(), identity, name).into_diagnostic()?);
        Ok(())
    }

    fn user(&self) -> Result<Option<SnmpUser>> {
        let (Some(name), Some(auth_file)) = (&self.snmp_user, &self.snmp_auth_file) else { return Ok(None) };
        let secret = |file: &Path| read(file).map(|text| text.trim().to_owned());
        let privacy = self.snmp_privacy_file.as_deref().map(secret).transpose()?;
        Ok(Some(SnmpUser {
            name: name.clone(),
            auth: (self.snmp_auth.clone(), secret(auth_file)?),
            privacy: privacy.map(|secret| (self.snmp_privacy.clone(), secret)),
        }))
    }
}

fn words(roles: &[String]) -> Vec<&str> {
    roles.iter().map(String::as_str).collect()
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be read", file.display()))
}
