//! Certificates for mutual TLS, as the files that both sides read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clearway_field::faces::modbus::pki::Authority;

/// An authority and the folder of its files.
pub struct Pki {
    folder: PathBuf,
    name: &'static str,
    made: Authority,
    /// Its certificate.
    pub authority: PathBuf,
}

/// A certificate and its key.
pub struct IdentityFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key, which nobody else may read.
    pub key: PathBuf,
}

impl Pki {
    /// A fresh authority.
    pub fn new(folder: &Path, name: &'static str) -> Self {
        let made = Authority::new(name).expect("made");
        let authority = folder.join(format!("{name}.pem"));
        fs::write(&authority, &made.pem).expect("a writable folder");
        Self { folder: folder.to_owned(), name, made, authority }
    }

    /// A certificate of it, with or without a role.
    pub fn identity(&self, name: &str, role: Option<&str>) -> IdentityFiles {
        let made = self.made.issue(name, role).expect("made");
        let file = |kind: &str| self.folder.join(format!("{}-{name}.{kind}", self.name));
        let (certificate, key) = (file("pem"), file("key"));
        fs::write(&certificate, made.chain).expect("a writable folder");
        fs::write(&key, made.key).expect("a writable folder");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("our own file");
        IdentityFiles { certificate, key }
    }
}

impl IdentityFiles {
    /// The keys of a controller that is spoken to as this, and must be of that authority.
    pub fn keys(&self, authority: &Path) -> String {
        format!(
            "modbus = {{ transport = \"tls\", ca_file = \"{}\", certificate_file = \"{}\", key_file = \"{}\", server_name = \"localhost\" }}",
            authority.display(),
            self.certificate.display(),
            self.key.display()
        )
    }
}
