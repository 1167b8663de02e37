//! `crochet demo --keep`: what the README builds on for calls by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use crochet::demo::client::ApiClient;
use http::Method;

/// Killed when the test fails before its end.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

#[tokio::test]
async fn a_kept_demonstration_takes_calls_with_the_key_that_it_shows_until_it_is_interrupted() {
    let mut demo = Demo(
        Command::new(env!("CARGO_BIN_EXE_crochet"))
            .args(["demo", "--keep"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut variables = HashMap::new();
    while !variables.contains_key("LISTING") {
        let line = lines.next().expect("the demonstration ended");
        if let Some((name @ ("URL" | "KEY" | "LISTING"), value)) = line.split_once('=') {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    let api = ApiClient::new(&variables["URL"]).unwrap();
    let authorization = format!("Bearer {}", variables["KEY"]);
    let headers = [("authorization", authorization.as_str())];
    let path = format!("/gateway/{}", variables["LISTING"]);
    let body = Some(Bytes::from_static(b"{\"pair\":\"SOL/USDC\"}"));
    api.send(Method::POST, &path, &headers, body).await.unwrap().expect(402).unwrap();

    let interrupted = Command::new("kill").args(["-INT", &demo.0.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert!(lines.next().is_none());
    assert!(demo.0.wait().unwrap().success());
}
