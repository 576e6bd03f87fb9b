//! TLS 1.3 at the site: it connects to supervisors of an authority, with a certificate of its own where
//! they ask for one (core 3.2, section "Security").

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Why TLS cannot be set up.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("TLS: {0}")]
pub struct TlsError(String);

/// The site's side of TLS.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Tls {
    /// From PEM texts: the authority of the supervisors' certificates, the site's chain and key; and
    /// the name in the supervisors' certificates, their host when none is given.
    ///
    /// # Errors
    /// What does not fit.
    pub fn from_pem(
        authority: &[u8],
        identity: Option<(&[u8], &[u8])>,
        name: Option<&str>,
    ) -> Result<Self, TlsError> {
        let wrong = |error: &dyn std::fmt::Display| TlsError(error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority) {
            roots.add(certificate.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| wrong(&e))?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| wrong(&e))?;
                builder.with_client_auth_cert(chain.map_err(|e| wrong(&e))?, key).map_err(|e| wrong(&e))?
            }
        };
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name: name.map(str::to_owned) })
    }

    /// The handshake with the supervisor at `address`.
    pub(super) async fn connect(&self, address: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let name = ServerName::try_from(self.name.as_deref().unwrap_or(host).to_owned());
        self.connector.connect(name.map_err(io::Error::other)?, stream).await
    }
}
