//! The API before an engine with one emulated RSMP site: what an operator sees and does.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clearway_field::faces::rsmp::{Checksum, Options as RsmpOptions};
use clearway_field::{Emulator, FaceKind, Field, FieldOptions};
use clearway_format::Loaded;
use clearway_runtime::Clock;
use clearway_signals::ControllerId;
use serde_json::{Value, json};

use crate::config::Config;
use crate::live::{Plant, Surface};

const ONE: ControllerId = ControllerId(0);
/// From the start to a site that has told its alarms; from an alarm to its place on the board.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/reference-four-stage")
}

fn loaded() -> Loaded {
    clearway_format::load(&folder()).unwrap_or_else(|report| panic!("{}", report.render()))
}

async fn start(at: &Path) -> (Plant, Field) {
    let text = format!(
        "network = \"{}\"\n[listen]\npage = \"127.0.0.1:0\"\n[engine]\npark = true\n\
         [[rsmp_listener]]\nlisten = \"127.0.0.1:0\"\n\
         [[controller]]\nid = \"c1\"\nprotocol = \"rsmp\"\nrsmp = {{ request_lifetime_s = 10, max_presence_s = 120 }}\n",
        folder().display()
    );
    let config = Config::parse(&at.join("clearway.toml"), &text).expect("a configuration");
    let registry = config.check(Some(&["c1"])).expect("no fault");
    let surface = Surface { clock: Clock::default(), demo: Arc::default() };
    let plant = Plant::start(&config, registry, loaded(), surface).await.expect("a plant");
    let mut rsmp = RsmpOptions { supervisors: vec![plant.rsmp[0].to_string()], ..RsmpOptions::default() };
    rsmp.controller.checksum = Checksum::Model;
    let options = FieldOptions { rsmp, ..FieldOptions::default() };
    let field = Field::start(&loaded().network, &[FaceKind::Rsmp], options).await.expect("a field");
    (plant, field)
}

/// The page's server, asked from a thread that may wait.
#[derive(Clone)]
struct Page(String);

impl Page {
    async fn ask(&self, path: &str, body: Option<&str>) -> (u16, Value) {
        let (url, body) = (format!("{}{path}", self.0), body.map(str::to_owned));
        let asking = tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(PATIENCE))
                .build()
                .into();
            let answer = match body {
                Some(body) => agent.post(&url).content_type("application/json").send(body),
                None => agent.get(&url).call(),
            };
            let mut answer = answer.expect("an answer");
            let text = answer.body_mut().read_to_string().expect("text");
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            (answer.status().as_u16(), value)
        });
        asking.await.expect("the thread lives")
    }

    async fn act(&self, code: &str, rest: Value) -> (u16, Value) {
        let mut body = json!({"component": "TC", "code": code});
        body.as_object_mut().expect("fields").extend(rest.as_object().expect("fields").clone());
        self.ask("/api/controllers/0/alarms", Some(&body.to_string())).await
    }

    async fn until(&self, what: &str, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (_, value) = self.ask(path, None).await;
            if fits(&value) {
                return value;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {value}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_acknowledges_suspends_and_resumes_an_alarm() {
    let at = tempfile::tempdir().expect("a folder");
    let (plant, field) = start(at.path()).await;
    let page = Page(format!("http://{}", plant.page));
    page.until("the site reports", "/api/controllers", |all| all[0]["condition"].is_array()).await;

    field.with(ONE, Emulator::trip);
    let all =
        page.until("the alarm shows", "/api/controllers", |all| all[0]["alarm_count"].is_object()).await;
    let counted = json!({"active": 1, "unacknowledged": 1, "suspended": 0, "priority": 2});
    assert_eq!(all[0]["alarm_count"], counted);
    let alarm = &all[0]["alarms"][0];
    assert_eq!((&alarm["code"], &alarm["component"]), (&json!("A0006"), &json!("TC")));
    assert_eq!((&alarm["category"], &alarm["active"]), (&json!("technical"), &json!(true)));
    assert!(alarm["text"].as_str().is_some_and(|text| text.contains("safety")), "{alarm}");
    assert!(alarm["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{alarm}");

    let (status, done) = page.act("A0006", json!({"action": "acknowledge"})).await;
    assert_eq!((status, &done["shown"]), (200, &json!(true)), "{done}");
    assert_eq!(
        (&done["alarms"][0]["acknowledged"], &done["alarms"][0]["since"]),
        (&json!(true), &alarm["since"])
    );
    let suspend = json!({"action": "suspend", "reason": "works at the cabinet", "lasts_s": 3600});
    let (status, done) = page.act("A0006", suspend).await;
    assert_eq!((status, &done["alarms"][0]["suspended"]), (200, &json!(true)), "{done}");
    assert!(done["alarms"][0]["suspended_until"].is_string(), "{done}");
    let (status, done) = page.act("A0006", json!({"action": "resume"})).await;
    assert_eq!((status, &done["alarms"][0]["suspended"]), (200, &json!(false)), "{done}");
    assert!(done["alarms"][0]["suspended_until"].is_null(), "{done}");
    let log: Vec<String> = plant.board.said_after(0).into_iter().map(|line| line.text).collect();
    assert!(
        log.iter().any(|line| line.contains("suspends alarm A0006 of TC") && line.contains("works")),
        "{log:?}"
    );

    wrong_requests_are_refused(&page).await;
    drop(field);
    page.until("the link is down", "/api/controllers", |all| all[0]["link"] == "down").await;
    let (status, why) = page.act("A0006", json!({"action": "acknowledge"})).await;
    assert_eq!(status, 503, "{why}");
    assert!(why["error"].as_str().is_some_and(|why| why.contains("not connected")), "{why}");
    plant.stop().await;
}

async fn wrong_requests_are_refused(page: &Page) {
    for (code, rest, status, word) in [
        ("A0999", json!({"action": "acknowledge"}), 404, "knows no alarm"),
        ("A0006", json!({"action": "ignore"}), 422, "acknowledge"),
        ("A0006", json!({"action": "suspend"}), 422, "reason"),
        ("A0006", json!({"action": "resume", "who": "me"}), 422, "unknown field"),
    ] {
        let (found, why) = page.act(code, rest).await;
        assert_eq!(found, status, "{why}");
        assert!(why["error"].as_str().is_some_and(|why| why.contains(word)), "{why}");
    }
    let body = r#"{"component": "TC", "code": "A0006", "action": "acknowledge"}"#;
    assert_eq!(page.ask("/api/controllers/99/alarms", Some(body)).await.0, 404);
    assert_eq!(page.ask("/api/controllers/99/alarms", None).await.0, 404);
    assert_eq!(page.ask("/api/controllers/0/alarms", Some("no JSON")).await.0, 400);
}
