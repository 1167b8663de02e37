//! Which operation a request is for.

use serde_json::{Map, Value};

/// What the document says of a request's path.
pub(super) struct Found<'a> {
    /// The path as the document writes it.
    pub(super) path: &'a str,
    /// Its operations by their methods.
    pub(super) methods: &'a Map<String, Value>,
}

/// The path of a request without its query, as the server reads it: slashes that mean nothing are dropped.
pub(super) fn normal(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    // The absolute form names scheme and host as well.
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map(|(_, path)| path).unwrap_or_default(),
        None => path,
    };
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(plain).collect();
    format!("/{}", parts.join("/"))
}

/// With letters, digits and the like written plainly: to encode them changes nothing (RFC 3986, section 6.2.2.2).
fn plain(part: &str) -> String {
    let mut plain = String::with_capacity(part.len());
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.map(char::from).filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c)) {
            Some(c) => {
                plain.push(c);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Finds the path that fits; of several the one that has fewer parameters.
pub(super) fn find<'a>(document: &'a Value, target: &str) -> Option<Found<'a>> {
    let path = normal(target);
    let paths = document["paths"].as_object()?;
    let fitting = paths.iter().filter(|(template, _)| fits(template, &path));
    let (path, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
    Some(Found { path, methods: item.as_object()? })
}

fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(value)) if part == value || (part.starts_with('{') && !value.is_empty()) => (),
            _ => return false,
        }
    }
}

/// Whether the path is one that is retired, or lies below one.
pub(super) fn is_retired(document: &Value, target: &str) -> bool {
    let path = normal(target);
    // No path of the document is deeper, so that what lies below need not be looked at part by part.
    let deepest =
        document["paths"].as_object().into_iter().flatten().map(|(template, _)| template.matches('/').count());
    let end = path.match_indices('/').nth(deepest.max().unwrap_or_default() + 1).map_or(path.len(), |(end, _)| end);
    let mut above = &path[..end];
    loop {
        if find(document, above)
            .is_some_and(|found| found.methods.values().any(|operation| operation["deprecated"] == true))
        {
            return true;
        }
        match above.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() => above = parent,
            _ => return false,
        }
    }
}
