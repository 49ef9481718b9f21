//! `page finished|live < data.json > page.html`, and `page policy finished|live`: pages for the browser tests.

use keyviz::matrix::html::{Kind, content_security_policy, page};
use std::io::Read;

fn kind(name: &str) -> Kind {
    match name {
        "finished" => Kind::Finished,
        "live" => Kind::Live,
        other => panic!("{other} is no kind of page"),
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["policy", name] => print!("{}", content_security_policy(kind(name))),
        [name] => {
            let mut data = String::new();
            std::io::stdin().read_to_string(&mut data).expect("the data is UTF-8");
            print!("{}", page(kind(name), &data));
        }
        _ => panic!("page finished|live < data.json, or page policy finished|live"),
    }
}
