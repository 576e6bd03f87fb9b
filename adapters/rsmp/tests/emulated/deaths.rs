//! The engine dies after each kind of command: nothing of ours stays on. Death is a cut line: nobody is
//! left to cancel anything, and the site's own limits must do it.

use clearway_contract::kit::CROSS;
use clearway_signals::RowId;

use super::*;

/// The field's time is this much faster: a request that nobody updates is over ten seconds after its
/// arrival, which the rig gives as a minute.
const SPEED: f64 = 8.0;

/// Those seventy seconds, and time to look.
const GONE_WITHIN: Duration = Duration::from_secs(15);

/// Do something, die, and see that the site is free afterwards.
async fn dies(scene: &Scene, act: impl AsyncFnOnce(&mut Rig<'_>)) {
    let mut rig = Rig::start(scene, |_| {});
    act(&mut rig).await;
    scene.set_wire(Wire::Cut);
    assert!(!scene.calls().is_empty(), "nothing was on before the end");
    let free = tokio::time::timeout(GONE_WITHIN, async {
        while !scene.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    free.await.expect("a call outlived its engine");
    assert_eq!(scene.field.totals().violations(), 0);
}

async fn is_held(scene: &Scene, rig: &mut Rig<'_>, row: RowId, request: u32) {
    rig.call(row, request).await;
    rig.confirmed(request, true).await;
    until(scene, RowSet::of(row)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_death_after_a_new_request_leaves_nothing_on() {
    let scene = Scene::of(ID, SPEED).await;
    dies(&scene, async |rig| is_held(&scene, rig, MAIN, 1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_death_after_a_change_of_rows_leaves_nothing_on() {
    let scene = Scene::of(ID, SPEED).await;
    dies(&scene, async |rig| {
        is_held(&scene, rig, MAIN, 1).await;
        is_held(&scene, rig, CROSS, 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_death_with_a_cancel_on_its_way_leaves_nothing_on() {
    let scene = Scene::of(ID, SPEED).await;
    dies(&scene, async |rig| {
        is_held(&scene, rig, MAIN, 1).await;
        scene.set_wire(Wire::Cut);
        rig.release(MAIN, 1).await;
    })
    .await;
}
