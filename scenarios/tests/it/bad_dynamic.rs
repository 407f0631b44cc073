//! Dynamic send ports that are wrong, and what is said of them.

use crate::bad_input::{GOOD, problems};

#[test]
fn dynamic_ports_that_the_product_forbids() {
    // R-DYN-01, R-DYN-02, R-RETRY-12, R-ORD-12.
    let dynamic = |handlers: &str, port: &str, end: &str| {
        let text = GOOD.replacen("[[send_port]]", &format!("{handlers}[[send_port]]"), 1);
        format!("{}{end}", text.replacen("filter", &format!("{port}\nfilter"), 1))
    };
    let handler =
        |settings: &str| format!("[[send_handler]]\nadapter = 'file'\nhost = 'Host'\n{settings}\n");
    let file = handler("name = 'FILE'");
    let fault = "[[fault]]\nat = '1 s'\nkind = 'endpoint_down'\nlasts = '1 s'\n\
        endpoint = 'Out.primary'\n";
    let two = format!("{file}{}", handler("name = 'file'"));
    let far = "dynamic = { hosts = [{ handler = 'FAX', host = 'Far' }] }";
    let backup = "dynamic = {}\nbackup = { adapter = 'file' }";
    let cases = [
        (dynamic(&file, "dynamic = {}", ""), vec![]),
        (dynamic(&file, "dynamic = {}\nordered = true", ""), vec![]),
        (dynamic("", "dynamic = {}", ""), vec!["there is no handler to choose"]),
        (dynamic(&file, backup, ""), vec!["a dynamic port has no backup transport"]),
        (
            dynamic(&handler("name = 'F'\nordered = false"), "dynamic = {}\nordered = true", ""),
            vec!["'Out' may send by 'F', which keeps no order"],
        ),
        (
            dynamic(&file, far, ""),
            vec!["no send handler is called 'FAX'", "no host is called 'Far'"],
        ),
        (
            dynamic(&handler("name = 'F'").replace("Host", "Hist"), "dynamic = {}", ""),
            vec!["no host is called 'Hist'"],
        ),
        (dynamic(&two, "dynamic = {}", ""), vec!["a send_handler called 'file' is declared twice"]),
        (dynamic(&file, "dynamic = {}", fault), vec!["is dynamic: it has no end of its own"]),
        (GOOD.replacen("rate", "outbound = ['a']\nrate", 1), vec!["no send port is dynamic"]),
    ];
    for (text, said) in cases {
        let found = problems(&text, &[]);
        assert_eq!(found.len(), said.len(), "{text}\n{found:?}");
        for (problem, said) in found.iter().zip(said) {
            assert!(problem.located().contains(said), "{problem:?}");
        }
    }
    let found = problems(&dynamic(&file, backup, ""), &[]);
    assert!(!found[0].is_warning() && found[0].advice().unwrap().contains("R-RETRY-12"));
}
