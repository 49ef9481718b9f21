//! What a page is given: one JSON object, in the page's data block.
//!
//! **Finished** ([`Kind::Finished`](super::Kind::Finished)):
//!
//! ```json
//! {
//!   "title":    "...",      // optional: heading and window title
//!   "matrices": [{...}],    // matrices in their JSON form, one per series; the first is shown first
//!   "insights": [{...}]     // optional: what is said of rows
//! }
//! ```
//!
//! An insight is `{"bucket_id", "series"?, "verdict", "detail"?, "split_key_b64"?, "balance"?}`: the row's id (a
//! route's holds for its sub-buckets too), the series if it is about one, the verdict in a word or two, a sentence, the
//! suggested split key (base64), and the share of the traffic that would lie below it, from 0 to 1.
//!
//! **Live** ([`Kind::Live`](super::Kind::Live)):
//!
//! ```json
//! {
//!   "title": "...",
//!   "live": {
//!     "matrix_url":  "...",   // asked with ?series= &from_unix_ms= &rows=; relative to the page's address
//!     "hotkeys_url": "...",   // optional: asked with ?route_id= &label= &sub_bucket= &series= when a cell is pinned
//!     "rows":        1024,    // optional: the row budget to ask for
//!     "timeout_ms":  10000    // optional: how long a request may take
//!   }
//! }
//! ```
//!
//! Both addresses are of the page's own origin: the policy allows no other. The answers are the JSON forms of the matrix
//! and of hot keys, or `{"code", "message"}` with an error status; a matrix may have `insights` besides.
//!
//! Integers have up to 64 bits, and the page shows each digit of them.

/// `json` as it may stand in a script element: `<` and the two line separators of Unicode, which JSON has in strings
/// only, become their escapes. The JSON's value stays the same.
pub(super) fn for_script_element(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() + json.len() / 64);
    let mut rest = json;
    while let Some(at) = rest.find(['<', '\u{2028}', '\u{2029}']) {
        let (before, found) = rest.split_at(at);
        escaped.push_str(before);
        let mut chars = found.chars();
        escaped.push_str(match chars.next() {
            Some('<') => "\\u003c",
            Some('\u{2028}') => "\\u2028",
            _ => "\\u2029",
        });
        rest = chars.as_str();
    }
    escaped.push_str(rest);
    escaped
}
