"""Reads a GTFS Realtime feed with the specification's own bindings and prints what is in it as JSON.

usage: gtfs_rt_read.py FEED.pb
"""

import json
import sys

from google.transit import gtfs_realtime_pb2 as gtfs


def read(path):
    feed = gtfs.FeedMessage()
    with open(path, "rb") as file:
        # Strict: what the specification requires must be there.
        feed.ParseFromString(file.read())
    assert feed.IsInitialized()
    alerts, shapes, changes = [], [], []
    for entity in feed.entity:
        if entity.HasField("alert"):
            alert = entity.alert
            alerts.append(
                {
                    "id": entity.id,
                    "effect": gtfs.Alert.Effect.Name(alert.effect),
                    "cause": gtfs.Alert.Cause.Name(alert.cause),
                    "seconds": alert.active_period[0].end - alert.active_period[0].start,
                    "routes": sorted({e.route_id for e in alert.informed_entity}),
                    "directions": sorted({e.direction_id for e in alert.informed_entity}),
                    "stops": [e.stop_id for e in alert.informed_entity if e.stop_id],
                    "text": alert.description_text.translation[0].text,
                }
            )
        if entity.HasField("shape"):
            shapes.append({"id": entity.shape.shape_id, "line": entity.shape.encoded_polyline})
        if entity.HasField("trip_modifications"):
            change = entity.trip_modifications
            changes.append(
                {
                    "trips": [t for s in change.selected_trips for t in s.trip_ids],
                    "shapes": [s.shape_id for s in change.selected_trips],
                    "dates": list(change.service_dates),
                    "modifications": [
                        {
                            "from": m.start_stop_selector.stop_sequence,
                            "to": m.end_stop_selector.stop_sequence,
                            "delay_s": m.propagated_modification_delay,
                            "alert": m.service_alert_id,
                            "replacements": [
                                [r.stop_id, r.travel_time_to_stop] for r in m.replacement_stops
                            ],
                        }
                        for m in change.modifications
                    ],
                }
            )
    version = feed.header.gtfs_realtime_version
    return {"version": version, "alerts": alerts, "shapes": shapes, "changes": changes}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1])))
