//! The heatmap as one page: no other file, no request but for a live page's own data.
//!
//! The page's sources are beside this folder, in `page/`: a template, a style sheet, and JavaScript in files of one idea
//! each, which stand in one function one after the other. `data.rs` says what a page is given.
//!
//! The page's Content-Security-Policy allows exactly this style and this script, by their hashes, and no markup from
//! text (`require-trusted-types-for`). The data is the one thing that comes from outside; it stands in a data block,
//! where nothing but `</script` and `<!--` has a meaning, and they cannot occur in it (see [`data`]).

pub mod data;
mod document;

pub use document::{finished_page, live_page, LivePage};

use super::palette::{self, hex};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// What a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A finished page: the matrices are in it, and it asks nobody.
    Finished,
    /// A live page, which asks the server that it came from.
    Live,
}

/// The page that shows `data_json`: the JSON of what [`data`] describes for this kind. It is not looked
/// into here: text that is not such JSON gives a page that says so.
///
/// A live page is served by the host that answers its requests, under [`content_security_policy`] as a header.
pub fn page(kind: Kind, data_json: &str) -> String {
    let parts = [
        ("policy", meta_policy(kind)),
        ("style", STYLE.clone()),
        ("data", data::for_script_element(data_json)),
        ("script", SCRIPT.clone()),
    ];
    fill(include_str!("../page/page.html"), &parts)
}

/// The `Content-Security-Policy` header to serve a page of this kind with. The page carries the same policy itself, but
/// for who may frame it, which only a header can say: pages of its own origin.
pub fn content_security_policy(kind: Kind) -> String {
    format!("{}; frame-ancestors 'self'", meta_policy(kind))
}

fn meta_policy(kind: Kind) -> String {
    let connect = match kind {
        Kind::Finished => "'none'",
        Kind::Live => "'self'",
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src {connect}; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash_source(&SCRIPT),
        hash_source(&STYLE),
    )
}

fn hash_source(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

static STYLE: LazyLock<String> =
    LazyLock::new(|| fill(include_str!("../page/page.css"), &[("no_traffic", hex(palette::NO_TRAFFIC))]));

static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let sources = [
        include_str!("../page/json.js"),
        include_str!("../page/keys.js"),
        include_str!("../page/numbers.js"),
        include_str!("../page/rows.js"),
        include_str!("../page/model.js"),
        include_str!("../page/scale.js"),
        include_str!("../page/levels.js"),
        include_str!("../page/pixels.js"),
        include_str!("../page/view.js"),
        include_str!("../page/ticks.js"),
        include_str!("../page/chart.js"),
        include_str!("../page/dom.js"),
        include_str!("../page/cell_text.js"),
        include_str!("../page/insights.js"),
        include_str!("../page/surroundings.js"),
        include_str!("../page/live.js"),
        include_str!("../page/hot_keys.js"),
        include_str!("../page/app.js"),
        include_str!("../page/input.js"),
        include_str!("../page/main.js"),
    ];
    format!("(() => {{\n\"use strict\";\n{}\n{}}})();\n", colours(), sources.join("\n"))
});

/// The colour tables, as JavaScript.
fn colours() -> String {
    let scale: String = (1..=palette::COLOURS as u8).map(|level| hex(palette::colour(level))).collect();
    let labels: Vec<String> =
        palette::LABELS.iter().map(|(label, colour)| format!("{label:?}: \"#{}\"", hex(*colour))).collect();
    let others: Vec<String> = palette::OTHER_LABELS.iter().map(|colour| format!("\"#{}\"", hex(*colour))).collect();
    format!(
        "const NO_TRAFFIC = \"{}\";\nconst PALETTE = \"{scale}\";\nconst LABEL_COLOURS = {{ {} }};\nconst OTHER_COLOURS = [{}];\n",
        hex(palette::NO_TRAFFIC),
        labels.join(", "),
        others.join(", "),
    )
}

/// `template` with each `{{name}}` replaced. What is put in is not looked at again.
fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(template.len() + parts.iter().map(|(_, part)| part.len()).sum::<usize>());
    let mut rest = template;
    while let Some(begin) = rest.find("{{") {
        let (before, hole) = rest.split_at(begin);
        let end = hole.find("}}").expect("every hole of a template is closed");
        let (_, part) = parts.iter().find(|(name, _)| *name == &hole[2..end]).expect("every hole has a part");
        filled.push_str(before);
        filled.push_str(part);
        rest = &hole[end + 2..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests;
