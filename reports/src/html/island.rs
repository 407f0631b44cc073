//! The record inside its report: a JSON island that a page cannot be broken out of, and a reader
//! can find again.

use serde::Serialize;

const OPEN: &str = "<script type=\"application/json\" id=\"record\">";
const CLOSE: &str = "</script>";

/// The island for a value.
///
/// Every `<`, `>` and `&` becomes its `\u` form. In JSON those characters stand only inside
/// strings, so any reader of JSON gets the same value, and no reader of HTML sees a tag.
pub(crate) fn embed(value: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    let safe = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    Ok(format!("{OPEN}{safe}{CLOSE}"))
}

/// The JSON of the island in a page.
pub(crate) fn find(html: &str) -> Option<&str> {
    // The last one: whatever text stands before it is escaped, but why depend on that.
    let (_, rest) = html.rsplit_once(OPEN)?;
    rest.split_once(CLOSE).map(|(json, _)| json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_cannot_break_out() {
        let text = "</script><b>&amp;<!--\u{2028}";
        let island = embed(&text).unwrap();
        assert_eq!(island.matches('<').count(), 2);
        assert_eq!(serde_json::from_str::<String>(find(&island).unwrap()).unwrap(), text);
    }

    #[test]
    fn a_page_without_an_island_has_none() {
        assert_eq!(find("<html></html>"), None);
    }
}
