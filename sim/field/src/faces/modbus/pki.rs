//! Certificates for tests of Modbus/TCP Security, made on the spot: an authority, and identities
//! with or without a role.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, Error,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

/// The extension that holds the role: 1.3.6.1.4.1.50316.802.1.
const ROLE_EXTENSION: [u64; 9] = [1, 3, 6, 1, 4, 1, 50_316, 802, 1];
/// The tag of a UTF8String.
const UTF8_STRING: u8 = 0x0c;

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    pub pem: String,
}

/// A certificate with its key, both PEM.
pub struct Identity {
    /// The certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A fresh authority.
    ///
    /// # Errors
    /// What the generator says.
    pub fn new(name: &str) -> Result<Self, Error> {
        let mut params = params(name, Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// An identity on this machine, with a role of at most 127 bytes.
    ///
    /// # Errors
    /// What the generator says.
    pub fn issue(&self, name: &str, role: Option<&str>) -> Result<Identity, Error> {
        let mut params = params(name, vec!["localhost".into(), "127.0.0.1".into()])?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.custom_extensions.extend(role.map(|role| {
            let length = u8::try_from(role.len()).unwrap_or(u8::MAX);
            let content = [&[UTF8_STRING, length], role.as_bytes()].concat();
            CustomExtension::from_oid_content(&ROLE_EXTENSION, content)
        }));
        let key = KeyPair::generate()?;
        let chain = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity { chain, key: key.serialize_pem() })
    }
}

fn params(name: &str, names: Vec<String>) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
