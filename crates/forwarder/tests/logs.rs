//! What is logged of a call, at the finest level. In a process of its own, whose only log this is.

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use bytes::Bytes;
    use crochet_forwarder::guard::{Environment, GuardPolicy};
    use crochet_forwarder::{Forwarder, ForwarderConfig};
    use crochet_primitives::{ProfileId, timestamp_from_millis};
    use crochet_relay::ports::Upstream;
    use crochet_relay::{Arrival, Dispatch, Endpoint, UpstreamAuth};
    use crochet_signing::{BodyHash, SigningSecret, SigningSecrets, seal};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::fmt::MakeWriter;

    const REQUEST_ID: &str = "gw_req_0190a0b0-0000-7000-8000-000000000000";
    const BODY: &[u8] = b"\"hidden-body\"";

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn dispatch(url: &str) -> Dispatch {
        let at = timestamp_from_millis(1_777_809_600_000).unwrap();
        let signing_secrets = SigningSecrets { current: SigningSecret::generate([7; 32]), next: None };
        Dispatch {
            seal: seal(&signing_secrets, at, REQUEST_ID, "listing-1", BodyHash::of(BODY)),
            endpoint: Arc::new(Endpoint {
                url: url.into(),
                upstream_auth: Some(UpstreamAuth { name: "Authorization".to_owned(), value: "hidden-auth".into() }),
                signing_secrets,
                timeout: Duration::from_secs(60),
                max_request_bytes: 1024,
                max_response_bytes: 1024,
            }),
            buyer: ProfileId::new(at, [2; 10]),
            attempt: 1,
            body: Bytes::from_static(BODY),
            budget: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn a_call_is_logged_by_its_ids_and_without_anything_private() {
        let lines = Lines::default();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(lines.clone()).finish();
        // For the whole process, so that it would see what connections log in tasks of their own.
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seller = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n\"hidden-answer\"").await.unwrap();
        };
        let calls = async {
            let policy = GuardPolicy::new(Environment::Development);
            let forwarder = Forwarder::new(ForwarderConfig::new(policy)).unwrap();
            let refused = forwarder.forward(dispatch("https://hidden-user@hidden-host.example/")).await;
            assert!(matches!(refused, Arrival::NeverSent { .. }), "{refused:?}");
            let answered = forwarder.forward(dispatch(&format!("http://{address}/hidden-path"))).await;
            assert!(matches!(answered, Arrival::Answered { .. }), "{answered:?}");
        };
        tokio::join!(calls, seller);

        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches(REQUEST_ID).count(), 2, "{text}");
        for private in ["hidden", "whsec_", "127.0.0.1", "://"] {
            assert!(!text.contains(private), "{text}");
        }
    }
}
