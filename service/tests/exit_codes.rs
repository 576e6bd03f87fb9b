//! The exit codes that `clearway --help` promises, by the real binary.
#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

/// An engine on a free port that answers every request with this. Ends with the test's process.
fn engine_that_says(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up is none of the engine's business.
            let _ = serve(stream, answer);
        }
    });
    url
}

fn serve(stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    let mut length = 0;
    while lines.read_line(&mut line)? > 2 {
        if let Some((_, value)) =
            line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    lines.take(length).read_to_end(&mut Vec::new())?;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(&stream, "{head}Content-Length: {}\r\n\r\n{answer}", answer.len())
}

fn clearway(arguments: &[&str]) -> (Option<i32>, Output) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_clearway")).args(arguments).output().expect("the binary runs");
    (output.status.code(), output)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn model(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models").join(name);
    folder.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn release_all_that_every_controller_confirmed_is_0() {
    let url = engine_that_says(r#"{"released": 2, "controllers": ["c1", "c5"], "unconfirmed": []}"#);
    let (code, output) = clearway(&["release-all", "--url", &url]);
    assert_eq!(code, Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "2 controllers released\n");
}

#[test]
fn release_all_that_a_controller_does_not_confirm_in_time_is_4_with_its_name() {
    let url = engine_that_says(r#"{"released": 2, "controllers": ["c1", "c5"], "unconfirmed": ["c5"]}"#);
    let (code, output) = clearway(&["release-all", "--within", "0.3", "--url", &url]);
    assert_eq!(code, Some(4));
    assert!(text(&output.stderr).contains("not confirmed within 0.3 s: c5"), "{}", text(&output.stderr));
    let (code, output) = clearway(&["release-all", "--within", "0", "--json", "--url", &url]);
    assert_eq!(code, Some(4));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["unconfirmed"], serde_json::json!(["c5"]));
}

#[test]
fn no_engine_is_1_and_a_wrong_command_line_is_2() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", free.local_addr().expect("bound"));
    drop(free);
    for command in ["controllers", "release-all"] {
        let (code, output) = clearway(&[command, "--url", &url]);
        assert_eq!(code, Some(1), "{command}");
        assert!(text(&output.stderr).contains("no engine answers"), "{}", text(&output.stderr));
    }
    assert_eq!(clearway(&["release-all", "--within", "soon"]).0, Some(2));
    assert_eq!(clearway(&["no-such-command"]).0, Some(2));
}

#[test]
fn a_proof_that_holds_is_0_and_one_that_its_bound_ended_is_5() {
    let junction = model("reference-t-junction");
    let (code, output) = clearway(&["network", "prove", &junction, "--json"]);
    assert_eq!(code, Some(0), "{}", text(&output.stdout));
    let tram = model("reference-tram");
    assert_eq!(clearway(&["network", "prove", &tram, "--states", "1000", "--json"]).0, Some(5));
}
