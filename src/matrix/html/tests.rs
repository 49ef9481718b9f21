use super::*;
use proptest::prelude::*;

/// What a browser reads in the data block of a page: the text up to the first `</script`.
fn data_block(page: &str) -> &str {
    let begin = "<script type=\"application/json\" id=\"data\">";
    let at = page.find(begin).expect("the page has a data block") + begin.len();
    let end = page[at..].to_ascii_lowercase().find("</script").expect("the data block ends");
    &page[at..at + end]
}

fn finished(data: &serde_json::Value) -> String {
    page(Kind::Finished, &data.to_string())
}

#[test]
fn no_text_of_the_data_ends_its_block() {
    for text in ["</script>", "</SCRIPT ", "<!--<script>", "]]>", "\"", "\\", "\u{2028}\u{2029}", "{{script}}", "&lt;"] {
        let data = serde_json::json!({ "title": text, text: [text] });
        let page = finished(&data);
        let block = data_block(&page);
        assert!(!block.contains('<') && !block.contains('\u{2028}') && !block.contains('\u{2029}'), "{block}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(block).unwrap(), data);
        assert!(page.ends_with("</script>\n</body>\n</html>\n"));
    }
}

#[test]
fn keys_of_every_byte_arrive_as_they_are() {
    let keys: Vec<String> = (0..=255u8).map(|byte| BASE64_STANDARD.encode([byte, 0, byte])).collect();
    let texts: Vec<String> = (0..=255u8).map(|byte| char::from(byte).to_string()).collect();
    let data = serde_json::json!({ "keys": keys, "texts": texts });
    assert_eq!(serde_json::from_str::<serde_json::Value>(data_block(&finished(&data))).unwrap(), data);
}

#[test]
fn integers_are_not_touched() {
    let page = page(Kind::Finished, "{\"values\":[18446744073709551615,9007199254740993]}");
    assert_eq!(data_block(&page), "{\"values\":[18446744073709551615,9007199254740993]}");
}

proptest! {
    #[test]
    fn the_data_block_has_the_value_it_was_given(text in any::<String>(), name in any::<String>()) {
        let data = serde_json::json!({ name: text });
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(data_block(&finished(&data))).unwrap(), data);
    }
}

#[test]
fn the_policy_allows_this_style_and_this_script_and_nothing_else() {
    let page = page(Kind::Live, "{}");
    let between = |begin: &str, end: &str| {
        let at = page.rfind(begin).unwrap() + begin.len();
        &page[at..at + page[at..].find(end).unwrap()]
    };
    let policy = content_security_policy(Kind::Live);
    assert!(policy.contains(&format!("script-src {};", hash_source(between("<script>", "</script>")))), "{policy}");
    assert!(policy.contains(&format!("style-src {};", hash_source(between("<style>", "</style>")))), "{policy}");
    assert!(policy.starts_with("default-src 'none';"));
    assert!(!policy.contains("unsafe"));
    assert!(!policy.contains(['"', '\n']), "it stands in an attribute and in a header");
}

#[test]
fn only_a_live_page_may_ask_its_server() {
    assert!(content_security_policy(Kind::Finished).contains("connect-src 'none'"));
    assert!(content_security_policy(Kind::Live).contains("connect-src 'self'"));
    for kind in [Kind::Finished, Kind::Live] {
        assert!(page(kind, "{}").contains(&format!("content=\"{}\"", meta_policy(kind))));
    }
}

#[test]
fn the_sources_refer_to_nothing_outside() {
    let page = page(Kind::Finished, "{}").replace("http://www.w3.org/2000/svg", "");
    for reference in ["http:", "https:", "src=", "@import", "url(", "href=\"/"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn no_source_file_is_left_out() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/matrix/page")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "js") {
            let source = std::fs::read_to_string(&path).unwrap();
            assert!(SCRIPT.contains(&source), "{}", path.display());
        }
    }
}
