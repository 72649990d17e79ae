//! A gateway that says what it has at a steady rate, or as fast as it can.

use crate::support::wait_until;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is published: topic and payload.
pub(crate) type Message = (String, Vec<u8>);

/// Publishes at QoS 1 what `next` gives for each round, one round every `every` (as soon as there is room, where that is
/// zero), until `next` gives nothing or `stop` is set. Returns when the broker has acknowledged everything; the number
/// of messages.
pub(crate) fn publish_rounds(
    port: u16,
    every: Duration,
    stop: &AtomicBool,
    mut next: impl FnMut(u32) -> Option<Vec<Message>> + Send,
) -> u64 {
    let mut options = MqttOptions::new("gateway", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60));
    options.set_outgoing_inflight_upper_limit(1000);
    let (client, mut connection) = Client::new(options, 1000);
    let (said, all_said) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            for round in 0.. {
                let due = every * round;
                let is_due = || begun.elapsed() >= due || stop.load(Ordering::Acquire);
                wait_until("the next round is due", every + Duration::from_secs(60), is_due);
                let messages = next(round).filter(|_| !stop.load(Ordering::Acquire));
                let Some(messages) = messages else { break };
                for (topic, payload) in messages {
                    client.publish(topic, QoS::AtLeastOnce, false, payload).expect("it runs");
                    said.fetch_add(1, Ordering::AcqRel);
                }
            }
            all_said.store(true, Ordering::Release);
            // Wakes the other side, which may have the last acknowledgement already.
            client.publish("gateway/done", QoS::AtLeastOnce, false, "").expect("it runs");
        });
        let mut acknowledged = 0;
        for event in connection.iter() {
            if let Event::Incoming(Packet::PubAck(_)) = event.expect("the broker stays") {
                acknowledged += 1;
                // The one more is the word of the end.
                let said = said.load(Ordering::Acquire);
                if all_said.load(Ordering::Acquire) && acknowledged == said + 1 {
                    return said;
                }
            }
        }
        unreachable!("the connection is heard until it fails");
    })
}
