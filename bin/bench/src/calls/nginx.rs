//! The yardstick: nginx with `proxy_pass`, keeping its connections to the seller open, where it is installed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::process::Process;

const PATIENCE: Duration = Duration::from_secs(10);

/// Where it is installed, with its version.
pub(crate) fn installed() -> Option<(PathBuf, String)> {
    ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"].into_iter().find_map(|path| {
        let output = Command::new(path).arg("-v").output().ok()?;
        // It says its version on standard error.
        let version = String::from_utf8_lossy(&output.stderr).trim().rsplit('/').next()?.to_owned();
        Some((PathBuf::from(path), version))
    })
}

/// Starts one in front of `seller`, with as many workers as the gateway has threads for requests.
pub(crate) fn start(
    program: &Path,
    folder: &Path,
    seller: SocketAddr,
    workers: usize,
) -> anyhow::Result<(Process, SocketAddr)> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let place = folder.display();
    let config = format!(
        "worker_processes {workers};\ndaemon off;\npid {place}/nginx.pid;\nerror_log {place}/nginx.log warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
           access_log off;\n\
           client_body_temp_path {place}/nginx-body;\n  proxy_temp_path {place}/nginx-proxy;\n\
           fastcgi_temp_path {place}/nginx-fastcgi;\n  uwsgi_temp_path {place}/nginx-uwsgi;\n\
           scgi_temp_path {place}/nginx-scgi;\n\
           keepalive_requests 1000000;\n\
           upstream seller {{ server {seller}; keepalive 256; keepalive_requests 1000000; }}\n\
           server {{\n    listen {address} backlog=4096;\n    location / {{\n\
             proxy_pass http://seller;\n      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n\
           }}\n  }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).context("nginx's configuration cannot be written")?;
    let process = Process::start(Command::new(program).arg("-p").arg(folder).arg("-c").arg(&file))?;
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > PATIENCE {
            bail!("nginx does not listen on {address}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((process, address))
}
