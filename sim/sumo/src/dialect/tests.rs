//! Lines in, lines out.

use super::*;

const HELLO: &str = r#"{"hello":1,"step":1.0,"clearance":{"min_green":5,"yellow":3,"all_red":2,"ped":0},
    "tls":{"x":{"approaches":["a","c"],"joined":false,"type":"static","cycle":70,
    "phases":[[30,"Gr"],[5,"yr"],[30,"rG"],[5,"ry"]],"links":[["a","b"],["c","b"]]}},
    "edges":{"a":{"len":200,"speed":13.9,"lanes":1},"b":{"len":100,"speed":13.9,"lanes":1}}}"#;

fn talk(lines: &[&str]) -> (String, Vec<(u64, String)>) {
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    let input = lines.join("\n");
    serve(input.as_bytes(), &mut out, Settings::default(), |n, f| faults.push((n, f.to_string()))).unwrap();
    (String::from_utf8(out).unwrap(), faults)
}

fn hello() -> String {
    HELLO.replace('\n', " ")
}

const NEAR: &str = r#"{"t":5,"ev":[{"id":"E","edge":"a","pos":120,"speed":13,"route":["a","b"],"idx":0}],
    "queue":{"a":[0],"b":[0]},"tls":{"x":{"state":"rG","mode":"NORMAL"}}}"#;

#[test]
fn a_vehicle_near_red_is_answered_by_a_request() {
    let (out, faults) = talk(&[&hello(), &NEAR.replace('\n', " ")]);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(out, "{\"cmd\":[{\"tls\":\"x\",\"approach\":\"a\",\"moves\":[[\"a\",\"b\"]],\"phase\":0}]}\n");
}

#[test]
fn a_bad_line_is_named_with_its_cure_and_the_engine_goes_on() {
    let (out, faults) = talk(&[&hello(), "{nonsense", r#"{"t":-1}"#, "", &NEAR.replace('\n', " ")]);
    assert_eq!(faults.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 3]);
    assert!(faults[0].1.contains("one JSON object a line"), "{faults:?}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[1]), (3, "{\"cmd\":[]}", "{\"cmd\":[]}"));
    assert!(lines[2].contains("\"approach\""));
}

#[test]
fn without_a_site_every_later_line_is_still_answered() {
    let (out, faults) = talk(&["{}", &NEAR.replace('\n', " ")]);
    assert_eq!((out.as_str(), faults.len()), ("{\"cmd\":[]}\n", 2));
}

#[test]
fn unknown_names_and_odd_states_are_passed_over() {
    let line = r#"{"t":5,"ev":[{"id":"E","edge":"q","pos":1e300,"speed":-3,"route":["q"],"idx":9}],
        "queue":{"q":[3],"a":[-7,1e99]},"tls":{"y":{"state":"G"},"x":{"state":"GGGGGG","mode":"?"}}}"#;
    let (out, faults) = talk(&[&hello(), &line.replace('\n', " ")]);
    assert_eq!((out.as_str(), faults.len()), ("{\"cmd\":[]}\n", 0));
}

#[test]
fn what_does_not_fit_is_left_alone_with_the_reason_and_the_rest_goes_on() {
    let odd = r#""tls":{"w":{"phases":7},"v":{"phases":[[30,"G"],[5,"yr"]],"links":[["a","b"]]},"#;
    let mixed = hello().replace("\"tls\":{", odd);
    let (out, faults) = talk(&[&mixed, &NEAR.replace('\n', " ")]);
    assert!(faults[0].1.contains("controller v: phase 1"), "{faults:?}");
    assert!(faults[1].1.contains("controller w needs phases"), "{faults:?}");
    assert!(faults.len() == 2 && out.contains("\"tls\":\"x\",\"approach\":\"a\""), "{out}");
    let (_, faults) = talk(&[&hello().replace("\"len\":200", "\"len\":0")]);
    assert!(faults[0].1.contains("edge a needs a length"), "{faults:?}");
}

#[test]
fn a_vehicle_that_makes_no_sense_takes_nothing_from_the_others() {
    let odd =
        r#""ev":[{"id":7},"E",null,{"id":"F","edge":"a","pos":1e9,"speed":1e9,"route":["a","b"],"idx":0},"#;
    let (out, faults) = talk(&[&hello(), &NEAR.replace('\n', " ").replace("\"ev\":[", odd)]);
    assert!(faults.is_empty() && out.contains("\"approach\":\"a\""), "{out} {faults:?}");
}

proptest::proptest! {
    #[test]
    fn any_line_is_answered(cuts in proptest::collection::vec((0_usize..400, ".{0,6}"), 0..12), big: f64) {
        let number = format!("{big:e}");
        let mut lines = [hello().replace("200", &number), NEAR.replace('\n', " ").replace("120", &number)];
        for (at, put) in cuts {
            let line = &mut lines[at % 2];
            let at = (0..=at % line.len()).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            line.insert_str(at, &put);
        }
        let second = lines[1].replace('\n', " ");
        let (out, _) = talk(&[&lines[0].replace('\n', " "), &second, &second]);
        let answers = out.lines().filter(|line| line.starts_with("{\"cmd\":[")).count();
        proptest::prop_assert_eq!((answers, out.lines().count()), (2, 2));
    }
}
