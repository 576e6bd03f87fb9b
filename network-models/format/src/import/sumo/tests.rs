//! A crossroads drawn in a few lines of SUMO's XML.

use std::fs;
use std::path::Path;

use super::{Imported, import};

const NET: &str = r#"<net>
<location netOffset="0,0" convBoundary="0,0,400,400" origBoundary="24.90,60.10,24.95,60.15" projParameter="+proj=utm"/>
<edge id=":c_0" function="internal"><lane id=":c_0_0" index="0" speed="10" length="12"/></edge>
<edge id="in" from="w" to="c" type="highway.primary"><lane id="in_0" index="0" allow="pedestrian" speed="13.89" length="190"/><lane id="in_1" index="1" disallow="tram" speed="13.89" length="190"/><lane id="in_2" index="2" disallow="tram" speed="13.89" length="190"/></edge>
<edge id="up" from="s" to="c"><lane id="up_0" index="0" disallow="tram" speed="8.33" length="190"/></edge>
<edge id="out" from="c" to="e"><lane id="out_0" index="0" disallow="tram" speed="13.89" length="190"/></edge>
<edge id="path" from="c" to="e"><lane id="path_0" index="0" allow="bicycle" speed="5" length="190"/></edge>
<tlLogic id="L" type="static" programID="0" offset="5"><phase duration="30" state="Gr"/><phase duration="3" state="yr"/><phase duration="2" state="rr"/><phase duration="20" state="rG"/><phase duration="5" state="ry"/></tlLogic>
<junction id="w" type="dead_end" x="0" y="200"/><junction id="c" type="traffic_light" x="200" y="200"/>
<junction id="s" type="dead_end" x="200" y="0"/><junction id="e" type="dead_end" x="400" y="200"/>
<connection from="in" to="out" fromLane="1" toLane="0" via=":c_0_0" tl="L" linkIndex="0" dir="s" state="O"/>
<connection from="up" to="out" fromLane="0" toLane="0" via=":c_0_0" tl="L" linkIndex="1" dir="r" state="o"/>
</net>"#;
const ROUTES: &str = r#"<routes><vType id="bike" vClass="bicycle"/><route id="r" edges="in out"/>
<vehicle id="b" depart="70" route="r"/><vehicle id="a" depart="65"><route edges="up out"/></vehicle>
<vehicle id="x" type="bike" depart="66"><route edges="path"/></vehicle>
<flow id="f" begin="60" end="120" number="2" from="in" to="out"/></routes>"#;
const CONFIG: &str = r#"<configuration><input><net-file value="n.net.xml"/><route-files value="r.rou.xml"/></input>
<time><begin value="60"/><end value="120"/></time></configuration>"#;

fn imported(folder: &Path) -> Imported {
    fs::write(folder.join("n.net.xml"), NET).unwrap();
    fs::write(folder.join("r.rou.xml"), ROUTES).unwrap();
    fs::write(folder.join("s.sumocfg"), CONFIG).unwrap();
    import(&folder.join("s.sumocfg"), "crossroads").unwrap()
}

#[test]
fn a_sumo_network_becomes_a_sound_model() {
    let folder = tempfile::tempdir().unwrap();
    let imported = imported(folder.path());
    let out = folder.path().join("model");
    crate::write(&imported.model, &out).unwrap();
    let report = crate::check(&out);
    assert!(report.is_ok(), "{}", report.render());
    let network = crate::load(&out).unwrap_or_else(|report| panic!("{}", report.render())).network;
    assert_eq!((network.links.len(), network.movements.len(), network.controllers.len()), (3, 2, 1));
    let plan = &network.controllers[0].plan;
    // SUMO's clock stands at 60 s, one cycle, when ours starts.
    assert_eq!((plan.cycle.0, plan.offset.0, plan.windows.len()), (60_000, 5_000, 2));
    let out = network.links.iter().find(|link| link.name == "out").unwrap();
    assert_eq!(out.length_mm, 202_000);
    assert_eq!(network.links.iter().find(|link| link.name == "in").unwrap().lanes, 2);
}

#[test]
fn vehicles_become_trips_in_the_order_of_departure() {
    let folder = tempfile::tempdir().unwrap();
    let imported = imported(folder.path());
    let expected =
        "depart_s,links,vehicle\n0.00,in out,f.0\n5.00,up out,a\n10.00,in out,b\n30.00,in out,f.1\n";
    assert_eq!(imported.trips_csv, expected);
    assert_eq!(imported.left_out, ["1 vehicles of other kinds"]);
}

#[test]
fn what_is_no_network_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.net.xml");
    fs::write(&file, "<net></net>").unwrap();
    assert!(import(&file, "x").unwrap_err().to_string().contains("x.net.xml"));
    fs::write(&file, "<net><edge").unwrap();
    assert!(import(&file, "x").is_err());
    assert!(import(&folder.path().join("none.sumocfg"), "x").is_err());
}
