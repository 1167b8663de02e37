//! URLs that lead nowhere: refused before a name is looked up, let alone an address connected to.

use crochet_forwarder::guard::{Environment, GuardPolicy, GuardRefusal, MAX_URL_BYTES, check_url};
use crochet_relay::Cause;
use crochet_relay::ports::Upstream;

use super::special::{LOOPBACK, SPECIAL};
use super::stage::Stage;
use crate::call::{assert_never_sent, dispatch};

/// What it is, the URL, and why it is refused.
type Row<'a> = (&'a str, &'a str, fn() -> GuardRefusal);

const PORT: fn() -> GuardRefusal = || GuardRefusal::Port { allowed: vec![443, 8443] };
const MALFORMED: fn() -> GuardRefusal = || GuardRefusal::Malformed;
const NOT_HTTPS: fn() -> GuardRefusal = || GuardRefusal::NotHttps;
const USERINFO: fn() -> GuardRefusal = || GuardRefusal::Userinfo;
const FRAGMENT: fn() -> GuardRefusal = || GuardRefusal::Fragment;
const HOST: fn() -> GuardRefusal = || GuardRefusal::HostName;
const LOCAL: fn() -> GuardRefusal = || GuardRefusal::LocalName;
const SINGLE: fn() -> GuardRefusal = || GuardRefusal::SingleLabel;
const ADDRESS: fn() -> GuardRefusal = || GuardRefusal::Address;

/// What no environment allows.
const REFUSED: &[Row] = &[
    ("nothing", "", MALFORMED),
    ("no scheme", "seller.example", MALFORMED),
    ("a relative URL", "//seller.example/", MALFORMED),
    ("no host", "https://", MALFORMED),
    ("no host, and a path", "https:///seller.example/", MALFORMED),
    ("no host, and a port", "https://:443/", MALFORMED),
    ("no slashes", "https:seller.example/", MALFORMED),
    ("one slash", "https:/seller.example/", MALFORMED),
    ("four slashes", "https:////seller.example/", MALFORMED),
    ("backslashes", "https:\\\\seller.example\\", MALFORMED),
    ("one of each", "https:/\\seller.example/", MALFORMED),
    ("a backslash that some take for the end of the host", "https://seller.example\\@169.254.169.254/", MALFORMED),
    ("and some do not", "https://169.254.169.254\\@seller.example/", MALFORMED),
    ("a space in front", " https://seller.example/", MALFORMED),
    ("a tab in the host", "https://sell\ter.example/", MALFORMED),
    ("a tab in the scheme", "ht\ttps://seller.example/", MALFORMED),
    ("line ends", "https://seller.example/\r\nX-Evil: 1", MALFORMED),
    ("a line end that hides an address", "https://10.0\n.0.1/", MALFORMED),
    ("U+0000", "https://seller.example\0.evil.example/", MALFORMED),
    ("a space that is not seen", "https://seller.example/\u{a0}", MALFORMED),
    ("a line separator", "https://seller.example/\u{2028}", MALFORMED),
    ("a zone", "https://[fe80::1%25eth0]/", MALFORMED),
    ("a zone, unescaped", "https://[fe80::1%eth0]/", MALFORMED),
    ("an address of a future version", "https://[v1.fe80::1]/", MALFORMED),
    ("a bracket that is not closed", "https://[2606:4700::1/", MALFORMED),
    ("five numbers", "https://1.2.3.4.5/", MALFORMED),
    ("a number over 255", "https://999.1.1.1/", MALFORMED),
    ("a number over 32 bits", "https://4294967296/", MALFORMED),
    ("a name that ends in a number", "https://seller.1/", MALFORMED),
    ("port 65536", "https://seller.example:65536/", MALFORMED),
    ("port 99999", "https://seller.example:99999/", MALFORMED),
    ("a negative port", "https://seller.example:-1/", MALFORMED),
    ("a port in words", "https://seller.example:https/", MALFORMED),
    ("an escaped slash in the host", "https://seller.example%2f.evil.example/", MALFORMED),
    ("an escaped zero in the host", "https://seller.example%00.evil.example/", MALFORMED),
    ("broken Punycode", "https://xn--a.example/", MALFORMED),
    ("plain HTTP", "http://seller.example/", NOT_HTTPS),
    ("plain HTTP to an address", "http://93.184.216.34/", NOT_HTTPS),
    ("FTP", "ftp://seller.example/", NOT_HTTPS),
    ("a WebSocket", "wss://seller.example/", NOT_HTTPS),
    ("a file", "file:///etc/passwd", NOT_HTTPS),
    ("a socket", "unix:/run/docker.sock", NOT_HTTPS),
    ("Gopher", "gopher://seller.example:70/_x", NOT_HTTPS),
    ("a script", "javascript:alert(1)", NOT_HTTPS),
    ("data", "data:,x", NOT_HTTPS),
    ("a user", "https://user@seller.example/", USERINFO),
    ("a password", "https://:pass@seller.example/", USERINFO),
    ("an address behind a name", "https://seller.example@10.0.0.1/", USERINFO),
    ("an address behind a name and a port", "https://seller.example:443@10.0.0.1/", USERINFO),
    ("a name behind an address", "https://10.0.0.1@seller.example/", USERINFO),
    ("two of them", "https://a@b@seller.example/", USERINFO),
    ("an empty fragment", "https://seller.example/#", FRAGMENT),
    ("a fragment", "https://seller.example/#part", FRAGMENT),
    ("a fragment that looks like userinfo", "https://seller.example#@10.0.0.1/", FRAGMENT),
    ("an empty label", "https://a..example/", HOST),
    ("two last points", "https://seller.example../", HOST),
    ("a first point", "https://.seller.example/", HOST),
    ("only points", "https://.../", HOST),
    ("an exclamation mark", "https://a!b.example/", HOST),
    ("a comma", "https://seller.example,evil.example/", HOST),
    ("a wildcard", "https://*.seller.example/", HOST),
    (".local", "https://printer.local/", LOCAL),
    (".local in capitals with a last point", "https://PRINTER.LOCAL./", LOCAL),
    (".local behind a full-width point", "https://printer\u{ff0e}local/", LOCAL),
    (".internal", "https://metadata.google.internal/", LOCAL),
    (".internal with a last point", "https://metadata.google.internal./", LOCAL),
    (".localdomain", "https://a.localdomain/", LOCAL),
    (".home.arpa", "https://a.home.arpa/", LOCAL),
    ("one label", "https://seller/", SINGLE),
    ("one label with a last point", "https://metadata./", SINGLE),
    ("the port of plain HTTP", "https://seller.example:80/", PORT),
    ("port 0", "https://seller.example:0/", PORT),
    ("SSH", "https://seller.example:22/", PORT),
    ("SMTP", "https://seller.example:25/", PORT),
    ("PostgreSQL", "https://seller.example:5432/", PORT),
    ("Redis", "https://93.184.216.34:6379/", PORT),
    ("port 65535", "https://seller.example:65535/", PORT),
    ("short", "https://10.1/", ADDRESS),
    ("decimal", "https://167772161/", ADDRESS),
    ("hexadecimal", "https://0xa9fea9fe/", ADDRESS),
    ("hexadecimal in parts", "https://0xa9.0xfe.0xa9.0xfe/", ADDRESS),
    ("octal", "https://0251.0376.0251.0376/", ADDRESS),
    ("octal with many zeros", "https://00000251.0376.0251.0376/", ADDRESS),
    ("mixed", "https://0xa9.254.43518/", ADDRESS),
    ("two parts", "https://192.168.257/", ADDRESS),
    ("zero", "https://0/", ADDRESS),
    ("zero in hexadecimal", "https://0x0/", ADDRESS),
    ("nothing behind 0x", "https://0x/", ADDRESS),
    ("with a last point", "https://10.0.0.1./", ADDRESS),
    ("digits in full width", "https://\u{ff11}\u{ff10}.0.0.1/", ADDRESS),
    ("ideographic points", "https://10\u{3002}0\u{3002}0\u{3002}1/", ADDRESS),
    ("half-width ideographic points", "https://10\u{ff61}0\u{ff61}0\u{ff61}1/", ADDRESS),
    ("digits in circles", "https://\u{2460}\u{24ea}.0.0.1/", ADDRESS),
    ("digits as superscripts", "https://\u{b9}0.0.0.\u{b9}/", ADDRESS),
    ("mathematical digits", "https://\u{1d7cf}\u{1d7ce}.0.0.1/", ADDRESS),
    ("digits in percents", "https://%31%30.0.0.1/", ADDRESS),
    ("a point in percents", "https://10%2e0.0.1/", ADDRESS),
    ("full width in percents", "https://%EF%BC%91%EF%BC%90.0.0.1/", ADDRESS),
    ("a soft hyphen inside", "https://1\u{ad}0.0.0.1/", ADDRESS),
    ("an address of IPv6 written out", "https://[0000:0000:0000:0000:0000:ffff:0a00:0001]/", ADDRESS),
    ("one with IPv4 at its end", "https://[::ffff:10.0.0.1]/", ADDRESS),
    ("one in capitals", "https://[FD00:EC2::254]/", ADDRESS),
];

/// What production refuses, and development exempts.
const REFUSED_IN_PRODUCTION: &[Row] = &[
    ("localhost", "https://localhost/", LOCAL),
    ("localhost with a last point", "https://localhost./", LOCAL),
    ("localhost in capitals", "https://LOCALHOST/", LOCAL),
    ("localhost in full width", "https://\u{ff4c}ocalhost/", LOCAL),
    ("localhost in percents", "https://%6cocalhost/", LOCAL),
    ("a name under localhost", "https://seller.localhost./", LOCAL),
    ("short", "https://127.1/", ADDRESS),
    ("decimal", "https://2130706433/", ADDRESS),
    ("hexadecimal", "https://0x7f.1/", ADDRESS),
    ("octal", "https://0177.0.0.1/", ADDRESS),
    ("digits in full width", "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", ADDRESS),
    ("ideographic points", "https://127\u{3002}0\u{3002}0\u{3002}1/", ADDRESS),
    ("IPv6 written out", "https://[0:0:0:0:0:0:0:1]/", ADDRESS),
    ("plain HTTP to localhost", "http://localhost/", NOT_HTTPS),
    ("plain HTTP to loopback", "http://127.0.0.1:3000/", NOT_HTTPS),
    ("plain HTTP to loopback of IPv6", "http://[::1]/", NOT_HTTPS),
];

/// Refuses it, and neither looks anything up nor connects to anything. The names would lead to a public address.
async fn leads_nowhere(stage: &Stage, environment: Environment, what: &str, url: &str, reason: &GuardRefusal) {
    let refusal = check_url(url, &GuardPolicy::new(environment)).err();
    assert_eq!(refusal.as_ref(), Some(reason), "{what}: {url:?}");
    assert_never_sent(&stage.forwarder.forward(dispatch(url)).await, Cause::NotAllowed);
    assert!(stage.dns.asked().is_empty(), "{what}: {url:?} was looked up");
    assert!(stage.dialled().is_empty(), "{what}: {url:?} was connected to");
}

#[tokio::test]
async fn a_url_that_no_environment_allows_is_neither_looked_up_nor_connected_to() {
    let too_long = format!("https://seller.example/{}", "a".repeat(MAX_URL_BYTES));
    let grows = format!("https://seller.example/{}", "{".repeat(MAX_URL_BYTES - 23));
    let long_label = format!("https://{}.example/", "a".repeat(64));
    let long_name = format!("https://{}example/", "a.".repeat(124));
    let long: [Row<'_>; 4] = [
        ("a long path", &too_long, || GuardRefusal::TooLong),
        ("a path that is long when it is escaped", &grows, || GuardRefusal::TooLong),
        ("a label of 64 characters", &long_label, HOST),
        ("a name of 255 characters", &long_name, HOST),
    ];
    let literals: Vec<_> = SPECIAL.iter().map(|(kind, address)| (*kind, literal(address))).collect();
    let literals = literals.iter().map(|(kind, url)| (*kind, url.as_str(), ADDRESS));
    let rows: Vec<_> = REFUSED.iter().copied().chain(long).chain(literals).collect();
    for environment in [Environment::Production, Environment::Development] {
        let stage = Stage::empty(environment);
        for (what, url, reason) in &rows {
            leads_nowhere(&stage, environment, what, url, &reason()).await;
        }
    }
}

#[tokio::test]
async fn a_url_of_this_machine_is_neither_looked_up_nor_connected_to_in_production() {
    let stage = Stage::empty(Environment::Production);
    let literals: Vec<_> = LOOPBACK.iter().map(|address| literal(address)).collect();
    let literals = literals.iter().map(|url| ("loopback", url.as_str(), ADDRESS));
    for (what, url, reason) in REFUSED_IN_PRODUCTION.iter().copied().chain(literals) {
        leads_nowhere(&stage, Environment::Production, what, url, &reason()).await;
        assert!(check_url(url, &GuardPolicy::new(Environment::Development)).is_ok(), "{what}: {url:?}");
    }
}

fn literal(address: &str) -> String {
    if address.contains(':') { format!("https://[{address}]/") } else { format!("https://{address}/") }
}
