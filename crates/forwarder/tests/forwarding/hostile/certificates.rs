//! Servers that cannot prove who they are: they are connected to, at the address that was checked, and sent nothing.

use std::sync::Arc;

use crochet_relay::Cause;
use crochet_relay::ports::Upstream;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::stage::{DIALLED, Does, Stage};
use crate::call::{assert_answered, assert_never_sent, dispatch};
use crate::seller::OK;
use crate::tls::{Authority, FAR, server_config};

const URL: &str = "https://seller.example/";

/// A certificate for these names, good now, that is then changed.
fn params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(FAR, 1, 1);
    change(&mut params);
    params
}

fn by_common_name(params: &mut CertificateParams) {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "seller.example");
    params.distinguished_name = name;
}

fn self_signed(params: &CertificateParams) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    server_config(vec![certificate.der().clone()], &key)
}

/// Signed by a certificate of the authority that is no authority itself, and both sent.
fn signed_by_a_leaf(authority: &Authority) -> ServerConfig {
    let leaf_params = params(&["evil.example"], |_| {});
    let leaf = CertifiedIssuer::signed_by(leaf_params, KeyPair::generate().unwrap(), authority.issuer()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["seller.example"], |_| {}).signed_by(&key, &leaf).unwrap();
    server_config(vec![certificate.der().clone(), leaf.der().clone()], &key)
}

/// Signed by an authority under ours whose own time is over.
fn signed_by_an_expired_authority(authority: &Authority) -> ServerConfig {
    let below = params(&[], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    let below = CertifiedIssuer::signed_by(below, KeyPair::generate().unwrap(), authority.issuer()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["seller.example"], |_| {}).signed_by(&key, &below).unwrap();
    server_config(vec![certificate.der().clone(), below.der().clone()], &key)
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_gets_no_request() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let signed = |names: &[&str]| authority.sign(params(names, |_| {}));
    let past = params(&["seller.example"], |params| params.not_after = date_time_ymd(2001, 1, 1));
    let future = params(&["seller.example"], |params| params.not_before = date_time_ymd(FAR - 1, 1, 1));
    let client = params(&["seller.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let as_authority = params(&["seller.example"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    for (name, config) in [
        ("expired", authority.sign(past)),
        ("not yet valid", authority.sign(future)),
        ("for another name", signed(&["other.example"])),
        ("for a name below", signed(&["a.seller.example"])),
        ("for all names below", signed(&["*.seller.example"])),
        ("for a name that ends alike", signed(&["evilseller.example"])),
        ("for the address that is connected to", signed(&["93.184.216.34"])),
        ("for no name", signed(&[])),
        ("for the name in its subject alone", authority.sign(params(&[], by_common_name))),
        ("for the name in its subject, and another", authority.sign(params(&["other.example"], by_common_name))),
        ("for clients", authority.sign(client)),
        ("that signs itself", self_signed(&params(&["seller.example"], |_| {}))),
        ("that signs itself, as an authority", self_signed(&as_authority)),
        ("of an authority that nobody knows", stranger.sign(params(&["seller.example"], |_| {}))),
        ("signed by one that is no authority", signed_by_a_leaf(&authority)),
        ("of an authority that has expired", signed_by_an_expired_authority(&authority)),
    ] {
        let stage = Stage::with_seller(authority.root(), config, Does::Answers(OK.to_vec())).await;
        let arrival = stage.forwarder.forward(dispatch(URL)).await;
        assert_eq!((stage.dialled(), stage.runs()), (vec![DIALLED.to_owned()], 0), "a certificate {name}: {arrival:?}");
        assert_never_sent(&arrival, Cause::Connection);
    }
}

#[tokio::test]
async fn a_certificate_that_proves_the_name_gets_the_request() {
    let authority = Authority::new();
    for (url, names) in [
        (URL, ["other.example", "seller.example"]),
        ("https://a.seller.example/", ["seller.example", "*.seller.example"]),
        ("https://93.184.216.34/", ["seller.example", "93.184.216.34"]),
    ] {
        let config = authority.sign(params(&names, |_| {}));
        let stage = Stage::with_seller(authority.root(), config, Does::Answers(OK.to_vec())).await;
        assert_answered(&stage.forwarder.forward(dispatch(url)).await, 200);
        assert_eq!((stage.dialled(), stage.runs()), (vec![DIALLED.to_owned()], 1));
    }
}

/// Ours alone: Mozilla's roots do not believe it.
#[tokio::test]
async fn an_authority_is_believed_where_it_was_added_and_nowhere_else() {
    let (authority, other) = (Authority::new(), Authority::new());
    let config = authority.sign(params(&["seller.example"], |_| {}));
    let stage = Stage::with_seller(other.root(), config, Does::Answers(OK.to_vec())).await;
    assert_never_sent(&stage.forwarder.forward(dispatch(URL)).await, Cause::Connection);
    assert_eq!((stage.dialled(), stage.runs()), (vec![DIALLED.to_owned()], 0));
}

/// A `ServerHello` of this version, with a cipher suite that it has.
const fn server_hello(version: u8) -> [u8; 47] {
    let mut record = [0x20; 47];
    let head = [22, 3, version, 0, 42, 2, 0, 0, 38, 3, version];
    let mut index = 0;
    while index < head.len() {
        record[index] = head[index];
        index += 1;
    }
    // No session, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, no compression.
    record[43] = 0;
    record[44] = 0xc0;
    record[45] = 0x13;
    record[46] = 0;
    record
}

const SSL_3: [u8; 47] = server_hello(0);
const TLS_1_0: [u8; 47] = server_hello(1);
const TLS_1_1: [u8; 47] = server_hello(2);

#[tokio::test]
async fn a_server_that_speaks_no_tls_of_today_gets_no_request() {
    for (name, bytes) in [
        ("SSL 3.0", SSL_3.as_slice()),
        ("TLS 1.0", &TLS_1_0),
        ("TLS 1.1", &TLS_1_1),
        ("an alert", &[21, 3, 3, 0, 2, 2, 40]),
        ("a record that is too long", &[22, 3, 3, 0xff, 0xff]),
        ("plain HTTP", OK),
        ("nonsense", b"\0\0\0\0\0\0\0\0\0\0"),
    ] {
        let stage = Stage::with_bytes(bytes).await;
        let arrival = stage.forwarder.forward(dispatch(URL)).await;
        assert_eq!(stage.dialled(), [DIALLED], "{name}: {arrival:?}");
        assert_never_sent(&arrival, Cause::Connection);
    }
}

#[tokio::test]
async fn only_tls_1_2_and_1_3_are_spoken() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let key = KeyPair::generate().unwrap();
        let certificate = params(&["seller.example"], |_| {}).signed_by(&key, authority.issuer()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let stage = Stage::with_seller(authority.root(), config, Does::Answers(OK.to_vec())).await;
        assert_answered(&stage.forwarder.forward(dispatch(URL)).await, 200);
    }
}
