//! The engine dies after each kind of command: nothing of ours stays on. Death is a cut wire: no
//! process is left to withdraw anything, and the device's own timers must do it: the dead-man timer
//! of the unit for a preemption, its departure for a priority request.

use std::time::Duration;

use clearway_contract::kit::{CROSS, MAIN, TRANSIT};
use clearway_contract::port::PortEvent;
use clearway_signals::RowId;

use super::*;

/// Longer than the dead-man timer of the scenes (2 s), and than the departure of a priority request
/// where seconds are short.
const GONE_WITHIN: Duration = Duration::from_secs(8);

/// Do something, die, and see that the device is free afterwards.
async fn dies(scene: &Scene, act: impl AsyncFnOnce(&mut rig::Rig<'_>)) {
    let mut rig = rig::Rig::start(scene, |_| {});
    act(&mut rig).await;
    scene.set_wire(Wire::Cut);
    let free = tokio::time::timeout(GONE_WITHIN, async {
        while !scene.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    free.await.expect("a call outlived its engine");
    let violations = scene.field.totals().violations();
    assert_eq!(violations, 0);
}

async fn holds(rig: &mut rig::Rig<'_>, row: RowId, request: u32) {
    rig.call(row, request).await;
    rig.confirmed(request, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_call() {
    for credentials in [Credentials::default(), user()] {
        let scene = Scene::of(ID, credentials).await;
        dies(&scene, async |rig| holds(rig, MAIN, 1).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_refresh() {
    let scene = Scene::start().await;
    dies(&scene, async |rig| {
        holds(rig, MAIN, 1).await;
        let before = scene.accepted();
        rig.event("a reading after a refresh", |event| {
            matches!(event, PortEvent::Status(_)) && scene.accepted() > before
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_change_of_rows() {
    let scene = Scene::start().await;
    dies(&scene, async |rig| {
        holds(rig, MAIN, 1).await;
        holds(rig, CROSS, 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_release() {
    let scene = Scene::start().await;
    dies(&scene, async |rig| {
        holds(rig, MAIN, 1).await;
        // The release leaves over a wire that is already dead.
        scene.set_wire(Wire::Cut);
        rig.release(MAIN, 1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_priority_request_and_its_updates() {
    // The rig's vehicle arrives in a minute and has left ten seconds later: 3.5 s here.
    let scene = Scene::at_speed(20, ControllerId(1), user()).await;
    dies(&scene, async |rig| {
        holds(rig, TRANSIT, 1).await;
        let before = scene.accepted();
        rig.event("a reading after an update", |event| {
            matches!(event, PortEvent::Status(_)) && scene.accepted() > before
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_priority_request_is_cancelled_by_a_release_and_by_shutdown() {
    let scene = Scene::of(ControllerId(1), user()).await;
    let mut rig = rig::Rig::start(&scene, |_| {});
    holds(&mut rig, TRANSIT, 1).await;
    rig.release(TRANSIT, 1).await;
    rig.confirmed(1, false).await;
    assert!(scene.calls().is_empty());
    holds(&mut rig, TRANSIT, 2).await;
    rig.stop().await;
    assert!(scene.calls().is_empty());
}
