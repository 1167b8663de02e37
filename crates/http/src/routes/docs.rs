//! `GET /`: what this is. `GET /docs/errors`: what `docs_url` and `reference_url` in errors lead to.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::{API, get, part, resource};
use crate::code::Code;
use crate::edge::Edge;
use crate::envelope;
use crate::error::ApiError;
use crate::recovery::{NextAction, SentRecovery};

#[derive(Serialize)]
struct Front {
    name: &'static str,
    summary: &'static str,
    version: &'static str,
    api: String,
    listings: String,
    gateway: String,
    health: String,
    errors: String,
}

#[derive(Serialize)]
struct Reference<'a> {
    codes: Vec<Entry<'a>>,
    next_actions: Vec<Action>,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'static str,
    status: u16,
    meaning: &'static str,
    recovery: SentRecovery<'a>,
}

#[derive(Serialize)]
struct Action {
    next_action: &'static str,
    meaning: &'static str,
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD, OPTIONS").route(get().to(front)))
        .service(resource("/docs/errors", "GET, HEAD, OPTIONS").route(get().to(all)))
        .service(resource("/docs/errors/{code}", "GET, HEAD, OPTIONS").route(get().to(one)));
}

async fn front(edge: web::Data<Edge>) -> Result<HttpResponse, ApiError> {
    let base = &edge.public_url;
    envelope::ok(Front {
        name: "Crochet",
        summary: "A marketplace and payment gateway for software agents: call a capability, pay for that call.",
        version: env!("CARGO_PKG_VERSION"),
        api: format!("{base}{API}"),
        listings: format!("{base}{API}/listings"),
        gateway: format!("{base}{API}/gateway/{{listing}}"),
        health: format!("{base}{API}/health"),
        errors: format!("{base}/docs/errors"),
    })
}

async fn all(edge: web::Data<Edge>) -> Result<HttpResponse, ApiError> {
    let recoveries: Vec<_> = Code::ALL.iter().map(|code| (*code, code.recovery())).collect();
    envelope::ok(Reference {
        codes: recoveries.iter().map(|(code, recovery)| entry(*code, recovery.sent(*code, &edge.public_url))).collect(),
        next_actions: NextAction::ALL
            .iter()
            .map(|action| Action { next_action: action.as_str(), meaning: action.meaning() })
            .collect(),
    })
}

async fn one(edge: web::Data<Edge>, req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let code = Code::parse(part(&req, "code")).ok_or_else(|| ApiError::not_found("There is no such error code."))?;
    envelope::ok(entry(code, code.recovery().sent(code, &edge.public_url)))
}

fn entry(code: Code, recovery: SentRecovery<'_>) -> Entry<'_> {
    Entry { code: code.as_str(), status: code.status().as_u16(), meaning: code.meaning(), recovery }
}
