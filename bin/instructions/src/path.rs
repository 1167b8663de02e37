//! The paths that are counted, each as a loop of so many calls.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use crochet_http::serve;
use crochet_relay::Reply;

use crate::world::{ANSWER, BODY, World};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Path {
    /// The use case alone: the listing looked up, the call recorded, sealed, judged and closed, over ports in memory
    Gateway,
    /// All of it but the database: a request over a connection, through the server and the forwarder, to a seller over
    /// another connection, and back
    Http,
}

impl Path {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Gateway, Self::Http];

    /// As it is called on the command line and in the baseline.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Http => "http",
        }
    }

    /// Makes so many calls, one after the other.
    pub(crate) fn run(self, calls: u32) -> anyhow::Result<()> {
        // One thread, so that what is counted does not depend on which was free.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match self {
            Self::Gateway => runtime.block_on(gateway(calls)),
            Self::Http => runtime.block_on(http(calls)),
        }
    }
}

async fn gateway(calls: u32) -> anyhow::Result<()> {
    let world = World::new(None).await?;
    for _ in 0..calls {
        let reply = world.gateway.call(&world.request()).await?;
        ensure!(matches!(reply, Reply::Delivered { replayed: false, .. }), "a call was not delivered: {reply:?}");
    }
    Ok(())
}

async fn http(calls: u32) -> anyhow::Result<()> {
    let seller = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the seller finds no free port")?;
    let world = World::new(Some(seller.local_addr()?)).await?;
    // Threads that do nothing but copy bytes: agent and seller are not what is counted.
    std::thread::spawn(move || while let Ok(true) = seller.accept().map(|(stream, _)| sell(stream).is_ok()) {});
    let config = World::http_config();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the gateway finds no free port")?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let (server, handle) = serve(&config, world.parts(&config)?, listener).context("the server cannot be started")?;
    let server = tokio::spawn(server);
    let key = world.key.expose().to_owned();
    tokio::task::spawn_blocking(move || buy(address, &key, calls)).await??;
    handle.stop(false).await;
    server.await??;
    Ok(())
}

/// Answers every request of a connection.
fn sell(mut stream: TcpStream) -> std::io::Result<()> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len())
            .into_bytes();
    answer.extend_from_slice(ANSWER);
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8192];
    let mut read = 0;
    loop {
        let more = stream.read(buffer.get_mut(read..).unwrap_or_default())?;
        if more == 0 {
            return Ok(());
        }
        read += more;
        // Requests come one at a time, and end with what every buyer sends.
        if buffer.get(..read).is_some_and(|request| request.ends_with(BODY)) {
            stream.write_all(&answer)?;
            read = 0;
        }
    }
}

fn buy(gateway: SocketAddr, key: &str, calls: u32) -> anyhow::Result<()> {
    let mut request = format!(
        "POST /api/v1/gateway/free HTTP/1.1\r\nhost: {gateway}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    )
    .into_bytes();
    request.extend_from_slice(BODY);
    let mut stream = TcpStream::connect(gateway)?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8192];
    for _ in 0..calls {
        stream.write_all(&request)?;
        let mut read = 0;
        loop {
            let more = stream.read(buffer.get_mut(read..).unwrap_or_default())?;
            ensure!(
                more > 0,
                "the gateway hung up: {}",
                String::from_utf8_lossy(buffer.get(..read).unwrap_or_default())
            );
            read += more;
            let answer = buffer.get(..read).unwrap_or_default();
            ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(answer));
            if answer.ends_with(b"}}") {
                break;
            }
        }
    }
    Ok(())
}
