//! Every command, and what it really does.

use clearway_signals::{GroupSet, Mode, PreemptState};

use super::*;

fn position(bench: &mut Bench, status: &str, timeout: &str) -> Result<Value, String> {
    bench.order("M0001", "setValue", &[("status", status), ("timeout", timeout), ("intersection", "0")])
}

const ON: (&str, &str) = ("status", "True");

type Order = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Code, name, arguments.
type Refused = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Every command with arguments that are taken: component, code, name, arguments.
const ORDERS: [Order; 24] = [
    (
        "TC",
        "M0001",
        "setValue",
        &[("status", "NormalControl"), CODE, ("timeout", "0"), ("intersection", "0")],
    ),
    ("TC", "M0002", "setPlan", &[ON, CODE, ("timeplan", "2")]),
    ("TC", "M0003", "setTrafficSituation", &[ON, CODE, ("traficsituation", "2")]),
    ("TC", "M0005", "setEmergency", &[ON, CODE, ("emergencyroute", "1")]),
    ("TC", "M0006", "setInput", &[ON, CODE, ("input", "1")]),
    ("TC", "M0007", "setFixedTime", &[ON, CODE]),
    ("DL1", "M0008", "setForceDetectorLogic", &[ON, CODE, ("mode", "True")]),
    ("SG1", "M0010", "setStart", &[ON, CODE]),
    ("SG1", "M0011", "setStop", &[ON, CODE]),
    ("TC", "M0012", "setStart", &[("status", "1,1,2"), CODE]),
    ("TC", "M0013", "setInput", &[("status", "1,3,12;5,5,10"), CODE]),
    ("TC", "M0014", "setCommands", &[("plan", "1"), ("status", "1-12"), CODE]),
    ("TC", "M0015", "setOffset", &[("status", "99"), ("plan", "1"), CODE]),
    ("TC", "M0016", "setWeekTable", &[("status", "0-1,6-2"), CODE]),
    ("TC", "M0017", "setTimeTable", &[("status", "12-1-12-59,1-0-23-12"), CODE]),
    ("TC", "M0018", "setCycleTime", &[("status", "65"), ("plan", "1"), CODE]),
    ("TC", "M0019", "setInput", &[ON, CODE, ("input", "3"), ("inputValue", "True")]),
    ("TC", "M0020", "setOutput", &[ON, CODE, ("output", "3"), ("outputValue", "True")]),
    ("TC", "M0021", "setLevel", &[("status", "1-50"), CODE]),
    (
        "TC",
        "M0022",
        "requestPriority",
        &[
            ("requestId", "a"),
            ("signalGroupId", "SG1"),
            ("type", "new"),
            ("level", "7"),
            ("eta", "10"),
            ("vehicleType", "car"),
        ],
    ),
    ("TC", "M0023", "setTimeout", &[("status", "10"), CODE]),
    (
        "TC",
        "M0103",
        "setSecurityCode",
        &[("status", "Level1"), ("oldSecurityCode", "1111"), ("newSecurityCode", "1111")],
    ),
    (
        "TC",
        "M0104",
        "setDate",
        &[
            ("securityCode", "1111"),
            ("year", "2020"),
            ("month", "9"),
            ("day", "29"),
            ("hour", "17"),
            ("minute", "29"),
            ("second", "51"),
        ],
    ),
    ("TC", "M0004", "setRestart", &[ON, CODE]),
];

#[test]
fn every_command_of_the_list_is_carried_out_or_refused_with_a_reason() {
    for sxl in [Sxl::V1_1, Sxl::V1_2_1] {
        let mut bench = Bench::up(Core::V3_2_1, sxl);
        for (component, code, name, args) in ORDERS {
            let response =
                bench.command(component, code, name, args).unwrap_or_else(|e| panic!("{code}: {e}"));
            let values = response["rvs"].as_array().unwrap();
            assert_eq!(values.len(), args.len(), "{code}");
            assert!(
                values
                    .iter()
                    .all(|v| v["age"] == "recent" && args.iter().any(|(n, a)| v["n"] == *n && v["v"] == *a))
            );
        }
        // Everything again with a wrong argument, a missing one, another name, another component.
        for (component, code, name, args) in ORDERS {
            let mut wrong: Vec<(&str, &str)> = args.to_vec();
            wrong[0].1 = "2147483648";
            let checked = !matches!(
                code,
                "M0012" | "M0013" | "M0016" | "M0017" | "M0021" | "M0022" | "M0103" | "M0104"
            );
            assert!(!checked || bench.command(component, code, name, &wrong).is_err(), "{code} wrong");
            assert!(bench.command(component, code, name, &args[1..]).is_err(), "{code} missing");
            assert!(bench.command(component, code, "bad", args).is_err(), "{code} name");
            let other = if component == "SG1" { "TC" } else { "SG2" };
            assert!(bench.command(other, code, name, args).is_err(), "{code} component");
            let with_code = args.iter().position(|(name, _)| name.contains("ecurityCode"));
            if let Some(place) = with_code {
                let mut wrong = args.to_vec();
                wrong[place].1 = "0000";
                assert!(bench.command(component, code, name, &wrong).unwrap_err().contains("security code"));
            }
        }
        bench.is_lawful();
    }
}

#[test]
fn refused_commands_change_nothing() {
    let mut bench = Bench::newest();
    let refused: [Refused; 14] = [
        ("M0000", "bad", &[]),
        ("M0002", "setPlan", &[("status", "True"), ("timeplan", "9")]),
        ("M0003", "setTrafficSituation", &[("status", "True"), ("traficsituation", "9")]),
        ("M0005", "setEmergency", &[("status", "True"), ("emergencyroute", "3")]),
        ("M0006", "setInput", &[("status", "True"), ("input", "65")]),
        ("M0013", "setInput", &[("status", "60,65535,0")]),
        ("M0014", "setCommands", &[("plan", "9"), ("status", "1-1")]),
        ("M0015", "setOffset", &[("plan", "0"), ("status", "1")]),
        ("M0018", "setCycleTime", &[("plan", "1"), ("status", "5")]),
        ("M0020", "setOutput", &[("status", "True"), ("output", "65"), ("outputValue", "True")]),
        ("M0021", "setLevel", &[("status", "77-1")]),
        ("M0001", "setValue", &[("status", "Dark"), ("timeout", "0"), ("intersection", "2")]),
        ("M0001", "setValue", &[("status", "Flash"), ("timeout", "0"), ("intersection", "0")]),
        ("M0012", "setStart", &[("status", "9,1,0")]),
    ];
    let before = bench.value("S0098", "config");
    for (code, name, args) in refused {
        assert!(bench.order(code, name, args).is_err(), "{code} {args:?}");
    }
    assert_eq!(bench.value("S0098", "config"), before);
    assert_eq!(
        (bench.value("S0014", "status"), bench.value("S0006", "status")),
        ("1".into(), "False".into())
    );
}

#[test]
fn arguments_that_are_no_text_are_refused() {
    let mut bench = Bench::newest();
    let arg = |name: &str, value: Value| json!({"cCI": "M0007", "cO": "setFixedTime", "n": name, "v": value});
    for status in [json!(true), json!(1), Value::Null, json!([])] {
        let args = json!([arg("status", status), arg("securityCode", json!("2222"))]);
        assert!(bench.ask(json!({"type": "CommandRequest", "cId": "TC", "arg": args})).is_err());
    }
    let twice = json!([
        arg("status", json!("True")),
        arg("status", json!("True")),
        arg("securityCode", json!("2222"))
    ]);
    assert!(bench.ask(json!({"type": "CommandRequest", "cId": "TC", "arg": twice})).is_err());
}

#[test]
fn m0001_yellow_flash_comes_lawfully_and_the_way_back_starts_up() {
    let mut bench = Bench::newest();
    bench.run(65_000);
    bench.subscribe("S0001", "signalgroupstatus", "0", true).unwrap();
    position(&mut bench, "YellowFlash", "0").unwrap();
    bench.run(20_000);
    assert_eq!(bench.value("S0001", "signalgroupstatus"), "ccc");
    assert_eq!(
        (bench.value("S0011", "status"), bench.value("S0011", "source")),
        ("True".into(), "forced".into())
    );
    assert_eq!(bench.value("S0020", "controlmode"), "standby");
    bench.updates("S0001");
    position(&mut bench, "NormalControl", "0").unwrap();
    assert_eq!(
        (bench.value("S0005", "status"), bench.value("S0011", "status")),
        ("True".into(), "False".into())
    );
    bench.run(12_000);
    let shown = bench.updates("S0001");
    assert_eq!(shown[..3], ["eee", "fff", "ggg"], "{shown:?}");
    assert_eq!(
        (bench.value("S0005", "status"), bench.value("S0020", "controlmode")),
        ("False".into(), "control".into())
    );
    bench.is_lawful();
}

#[test]
fn m0001_dark_switches_off_and_reverts_after_its_minutes() {
    let mut bench = Bench::newest();
    position(&mut bench, "Dark", "1").unwrap();
    bench.run(20_000);
    assert_eq!(
        (bench.value("S0007", "status"), bench.value("S0001", "signalgroupstatus")),
        ("False".into(), "bbb".into())
    );
    assert!(bench.took("AggregatedStatus").iter().any(|status| status["se"][6] == true));
    bench.run(60_000);
    assert_eq!(
        (bench.value("S0007", "status"), bench.value("S0020", "controlmode")),
        ("True".into(), "control".into())
    );
    bench.is_lawful();
}

#[test]
fn m0002_m0003_change_the_plan_that_runs() {
    let mut bench = Bench::newest();
    bench.order("M0002", "setPlan", &[("status", "True"), ("timeplan", "3")]).unwrap();
    bench.run(100);
    assert_eq!(bench.emulator().cycle(), Millis::from_s(90));
    assert_eq!(
        (bench.value("S0014", "status"), bench.value("S0014", "source")),
        ("3".into(), "forced".into())
    );
    bench.order("M0002", "setPlan", &[("status", "False"), ("timeplan", "3")]).unwrap();
    bench.order("M0003", "setTrafficSituation", &[("status", "True"), ("traficsituation", "2")]).unwrap();
    bench.run(100);
    assert_eq!((bench.value("S0015", "status"), bench.emulator().cycle()), ("2".into(), Millis::from_s(75)));
    bench.order("M0003", "setTrafficSituation", &[("status", "False"), ("traficsituation", "1")]).unwrap();
    bench.run(300_000);
    assert_eq!((bench.value("S0015", "status"), bench.emulator().cycle()), ("1".into(), Millis::from_s(60)));
    assert!(bench.emulator().status().in_step);
    bench.is_lawful();
}

#[test]
fn m0004_restarts_the_controller_and_ends_the_connection() {
    let mut bench = Bench::newest();
    bench.run(70_000);
    bench.order("M0006", "setInput", &[("status", "True"), ("input", "4")]).unwrap();
    bench.order("M0004", "setRestart", &[("status", "True")]).unwrap();
    bench.run(100);
    assert_eq!(bench.site.closing(0), Some("the controller restarts"));
    bench.site.disconnected(0, bench.now);
    bench.run(12_000);
    bench.connect();
    assert_eq!(
        (bench.value("S0005", "status"), bench.value("S0003", "inputstatus")),
        ("True".into(), "0".repeat(64))
    );
    bench.run(20_000);
    assert_eq!(bench.value("S0005", "status"), "False");
    bench.is_lawful();
}

#[test]
fn m0005_an_emergency_route_calls_its_preempt_row() {
    let mut bench = Bench::newest();
    bench.run(65_000);
    let route = |bench: &mut Bench, on: &str, route: &str| {
        bench.order("M0005", "setEmergency", &[("status", on), ("emergencyroute", route)]).unwrap();
    };
    route(&mut bench, "True", "2");
    bench.run(20_000);
    assert_eq!(
        (bench.emulator().status().preempt, bench.emulator().status().greens),
        (PreemptState::Dwell, GroupSet(0b110))
    );
    route(&mut bench, "True", "1");
    assert_eq!(
        (bench.value("S0006", "status"), bench.value("S0006", "emergencystage")),
        ("True".into(), "1".into())
    );
    assert_eq!(bench.value("S0035", "emergencyroutes"), r#"[{"id":"1"},{"id":"2"}]"#);
    bench.run(20_000);
    assert_eq!(bench.emulator().status().greens, GroupSet(0b001), "the lower row wins");
    route(&mut bench, "False", "1");
    route(&mut bench, "False", "2");
    assert_eq!(
        (bench.value("S0006", "emergencystage"), bench.value("S0035", "emergencyroutes")),
        ("0".into(), "[]".into())
    );
    bench.run(200_000);
    assert!(bench.emulator().status().in_step);
    bench.is_lawful();
}

#[test]
fn m0006_m0013_m0019_switch_inputs_that_act() {
    let mut bench = Bench::newest();
    bench.order("M0013", "setInputs", &[("status", "1,3,12;5,5,10")]).unwrap();
    assert!(bench.value("S0003", "inputstatus").starts_with("11001010"));
    bench.order("M0019", "setInput", &[("status", "True"), ("input", "17"), ("inputValue", "True")]).unwrap();
    assert_eq!(&bench.value("S0029", "status")[16..18], "10");
    bench.run(100);
    assert_eq!(bench.emulator().status().physical.0, 1, "input 17 is the physical input of row 1");
    bench
        .order("M0019", "setInput", &[("status", "False"), ("input", "17"), ("inputValue", "True")])
        .unwrap();
    bench.run(100);
    assert_eq!(bench.emulator().status().physical.0, 0);
    bench.order("M0006", "setInput", &[("status", "False"), ("input", "1")]).unwrap();
    assert!(bench.value("S0003", "inputstatus").starts_with("01001010"));
}

#[test]
fn m0007_fixed_time_takes_no_priority() {
    let mut bench = Bench::newest();
    bench.order("M0007", "setFixedTime", &[("status", "True")]).unwrap();
    assert_eq!(
        (bench.value("S0009", "status"), bench.value("S0009", "source")),
        ("True".into(), "forced".into())
    );
    bench.order("M0007", "setFixedTime", &[("status", "False")]).unwrap();
    assert_eq!(bench.value("S0009", "status"), "False");
}

#[test]
fn m0008_a_forced_detector_logic_is_what_was_ordered() {
    let mut bench = Bench::newest();
    let force = |bench: &mut Bench, status: &str, mode: &str| {
        let args = [("status", status), CODE, ("mode", mode)];
        bench.command("DL2", "M0008", "setForceDetectorLogic", &args).unwrap();
        bench.run(100);
        (bench.value("S0002", "detectorlogicstatus"), bench.value("S0021", "detectorlogics"))
    };
    assert_eq!(force(&mut bench, "True", "True"), ("01".into(), "01".into()));
    assert_eq!(force(&mut bench, "True", "False"), ("00".into(), "01".into()));
    assert!(bench.station.emulator_mut().detector_pulse(2));
    bench.run(100);
    assert_eq!(bench.value("S0002", "detectorlogicstatus"), "00", "a real vehicle does not show");
    assert_eq!(force(&mut bench, "False", "False").1, "00");
}

#[test]
fn m0010_m0011_m0012_order_groups_once_and_lawfully() {
    let mut bench = Bench::newest(); // offset 7 s: the corridor is green from 67 s to 92 s
    bench.run(100_000);
    assert_eq!(bench.shows(1), Aspect::Green);
    bench.command("SG1", "M0010", "setStart", &[("status", "True"), CODE]).unwrap();
    bench.run(12_000);
    assert_eq!((bench.shows(0), bench.shows(1)), (Aspect::Green, Aspect::Red));
    bench.run(300_000);
    assert!(bench.emulator().status().in_step, "one order, one green");
    bench.order("M0012", "setStart", &[("status", "1,0,1")]).unwrap();
    bench.run(8_000);
    bench.command("SG2", "M0011", "setStop", &[("status", "True"), CODE]).unwrap();
    bench.run(20_000);
    bench.is_lawful();
}

#[test]
fn m0014_m0023_dynamic_bands_move_green_and_end_when_everybody_is_away() {
    let mut bench = Bench::newest();
    bench.order("M0014", "setCommands", &[("plan", "1"), ("status", "1-12")]).unwrap();
    bench.order("M0023", "setTimeout", &[("status", "1")]).unwrap();
    assert_eq!(
        (bench.value("S0023", "status"), bench.value("S0034", "status")),
        ("1-1-12".into(), "1".into())
    );
    bench.run(100_000);
    assert_eq!(bench.shows(0), Aspect::Green, "twelve seconds beyond the model's 92 s");
    bench.site.disconnected(0, bench.now);
    bench.run(61_000);
    bench.connect();
    assert_eq!(bench.value("S0023", "status"), "");
    bench.is_lawful();
}

#[test]
fn m0015_m0018_offset_and_cycle_move_the_signals() {
    let mut bench = Bench::newest();
    bench.order("M0015", "setOffset", &[("status", "30"), ("plan", "1")]).unwrap();
    bench.run(120_000);
    assert_eq!(
        (bench.value("S0001", "cyclecounter"), bench.value("S0001", "basecyclecounter")),
        ("30".into(), "0".into())
    );
    assert!(bench.value("S0024", "status").starts_with("1-30,"));
    let before = bench.value("S0097", "checksum");
    bench.order("M0018", "setCycleTime", &[("status", "65"), ("plan", "1")]).unwrap();
    bench.run(100);
    assert!(bench.value("S0028", "status").starts_with("1-65,"));
    assert_eq!(bench.emulator().cycle(), Millis::from_s(65));
    assert_eq!(
        bench.value("S0097", "checksum"),
        before,
        "the model's hash is of groups, intergreens and rows"
    );
    bench.run(200_000);
    bench.is_lawful();
}

#[test]
fn m0016_m0017_time_tables_choose_the_plan() {
    let mut bench = Bench::newest(); // Sunday, 10:00
    bench.order("M0016", "setWeekTable", &[("status", "6-4")]).unwrap();
    bench.order("M0017", "setDayTable", &[("status", "4-2-10-0,4-3-10-1")]).unwrap();
    assert_eq!(
        (bench.value("S0026", "status"), bench.value("S0027", "status")),
        ("6-4".into(), "4-2-10-0,4-3-10-1".into())
    );
    bench.run(1_000);
    assert_eq!(
        (bench.value("S0014", "status"), bench.value("S0014", "source")),
        ("2".into(), "calendar_clock".into())
    );
    bench.run(60_000);
    assert_eq!((bench.value("S0014", "status"), bench.emulator().cycle()), ("3".into(), Millis::from_s(90)));
}

#[test]
fn m0020_m0021_force_outputs_and_set_sensitivities() {
    let mut bench = Bench::newest();
    bench.run(70_000);
    assert!(bench.value("S0004", "outputstatus").starts_with("100"), "group 1 is green");
    bench
        .order("M0020", "setOutput", &[("status", "True"), ("output", "1"), ("outputValue", "False")])
        .unwrap();
    assert!(bench.value("S0004", "outputstatus").starts_with("000"));
    assert!(bench.value("S0030", "status").starts_with("100"));
    bench.order("M0021", "setLevel", &[("status", "2-70")]).unwrap();
    assert_eq!(bench.value("S0031", "status"), "1-50,2-70");
}

#[test]
fn m0024_is_taken_from_list_1_2_on_and_an_alarm_whose_cause_stands_stays() {
    let reset = [("status", "True")];
    let mut old = Bench::up(Core::V3_2, Sxl::V1_1);
    assert!(old.command("TC", "M0024", "setResetAlarms", &reset).is_err());
    let mut bench = Bench::newest();
    let forced = [("status", "True"), ("input", "7"), ("inputValue", "True")];
    bench.order("M0019", "setInput", &forced).unwrap();
    bench.run(100);
    assert_eq!(bench.took("Alarm")[0]["aS"], "Active");
    bench.command("TC", "M0024", "setResetAlarms", &reset).unwrap();
    bench.run(1_000);
    assert!(bench.took("Alarm").is_empty());
}

#[test]
fn m0103_changes_a_code_and_the_old_one_no_longer_works() {
    let mut bench = Bench::newest();
    let change = |bench: &mut Bench, old: &str, new: &str| {
        let args = [("status", "Level2"), ("oldSecurityCode", old), ("newSecurityCode", new)];
        bench.command("TC", "M0103", "setSecurityCode", &args)
    };
    assert!(change(&mut bench, "0000", "3333").is_err());
    change(&mut bench, "2222", "3333").unwrap();
    assert!(bench.order("M0007", "setFixedTime", &[("status", "False")]).unwrap_err().contains("level 2"));
    assert!(
        bench
            .command("TC", "M0007", "setFixedTime", &[("status", "False"), ("securityCode", "3333")])
            .is_ok()
    );
}

#[test]
fn m0104_sets_the_clock_of_everything_that_is_stamped() {
    let mut bench = Bench::newest();
    let date = |day: &'static str| {
        [
            ("securityCode", "1111"),
            ("year", "2020"),
            ("month", "9"),
            ("day", day),
            ("hour", "17"),
            ("minute", "29"),
            ("second", "51"),
        ]
    };
    bench.run(70_000);
    assert!(bench.command("TC", "M0104", "setDate", &date("31")).is_err(), "September has 30 days");
    let response = bench.command("TC", "M0104", "setDate", &date("29")).unwrap();
    let close = |stamp: &Value| assert!(stamp.as_str().unwrap().starts_with("2020-09-29T17:29:5"), "{stamp}");
    close(&response["cTS"]);
    let second = bench.read("TC", "S0096", &["year", "month", "day", "hour", "minute", "second"]).unwrap();
    let date: Vec<&str> = second.iter().map(|value| value["s"].as_str().unwrap()).collect();
    assert_eq!(date, ["2020", "9", "29", "17", "29", "51"]);
    bench.ask(json!({"type": "AggregatedStatusRequest", "cId": "TC"})).unwrap();
    close(&bench.took("AggregatedStatus").pop().unwrap()["aSTS"]);
    bench.order("M0006", "setInput", &[("status", "True"), ("input", "7")]).unwrap();
    bench.run(100);
    close(&bench.took("Alarm").pop().unwrap()["aTs"]);
    bench.took("Watchdog");
    bench.run(60_000);
    assert!(bench.took("Watchdog")[0]["wTs"].as_str().unwrap().starts_with("2020-09-29T17:30"));
}

#[test]
fn a_latched_monitor_holds_the_signals_in_flash_until_somebody_comes() {
    let mut bench = Bench::newest();
    bench.run(70_000);
    bench.station.emulator_mut().stick_lamp(Some((GroupId(1), Aspect::Green)));
    bench.run(200);
    assert!(!bench.emulator().is_tripped());
    bench.run(300);
    assert!(bench.emulator().is_tripped());
    assert_eq!(
        (bench.value("S0001", "signalgroupstatus"), bench.value("S0020", "controlmode")),
        ("ccc".into(), "failure".into())
    );
    let alarm = bench.took("Alarm").pop().unwrap();
    assert_eq!((&alarm["aCId"], &alarm["aS"]), (&json!("A0006"), &json!("Active")));
    assert!(bench.took("AggregatedStatus").iter().any(|status| status["se"][2] == true));
    assert!(position(&mut bench, "NormalControl", "0").is_err());
    assert!(bench.order("M0004", "setRestart", &[("status", "True")]).is_err());
    bench.run(60_000);
    assert_eq!(bench.emulator().mode(), Mode::Fault);
    let controller = bench.network.controllers[1].clone();
    bench.station.reset_monitor(&controller);
    bench.run(20_000);
    assert_eq!(
        (bench.value("S0020", "controlmode"), bench.emulator().is_tripped()),
        ("control".into(), false)
    );
    assert_eq!(bench.took("Alarm").pop().unwrap()["aS"], "inActive");
    bench.is_lawful();
}
