//! Many edge nodes and devices: floods of deaths, those that come and go, and who is forgotten.

use super::*;

/// As [`Rig::say`], of any node.
fn birth_of(rig: &mut Rig, node: &str, connection: u64) -> Vec<String> {
    let metrics = vec![bd_seq(connection), metric("a#1:d=0")];
    let payload = Payload { timestamp: Some(5000), seq: Some(0), metrics, ..Payload::default() };
    rig.hear(&format!("mill/NBIRTH/{node}"), &payload)
}

fn death_of(rig: &mut Rig, node: &str, connection: u64) -> Vec<String> {
    let payload = Payload { metrics: vec![bd_seq(connection)], ..Payload::default() };
    rig.hear(&format!("mill/NDEATH/{node}"), &payload)
}

fn alarms(told: &[String]) -> Vec<&str> {
    told.iter().filter_map(|word| word.strip_prefix("alarm: ")).collect()
}

/// Waits second by second.
fn seconds(rig: &mut Rig, seconds: u64) -> Vec<String> {
    (0..seconds).flat_map(|_| rig.wait(1)).collect()
}

/// The parts whose alarm stands: what the engine would make of the words.
#[derive(Default)]
struct Standing(std::collections::BTreeMap<Arc<str>, String>);

impl Standing {
    /// How many were raised and cleared.
    fn follow(&mut self, words: Vec<Word>) -> (usize, usize) {
        let (mut raised, mut cleared) = (0, 0);
        for word in words {
            let Word::Alarm { part, works, reason } = word else { continue };
            if works {
                cleared += usize::from(self.0.remove(&part).is_some());
            } else {
                raised += usize::from(self.0.insert(part, reason.to_string()).is_none());
            }
        }
        (raised, cleared)
    }
}

/// A message, and the words as they are.
fn words_of(rig: &mut Rig, verb: Verb, node: &str, connection: u64) -> Vec<Word> {
    let topic = Topic { group: "mill", verb, node, device: None };
    let metrics = vec![bd_seq(connection), metric("a#1:d=0")];
    let seq = (verb == Verb::Birth).then_some(0);
    let payload = Payload { timestamp: Some(5000), seq, metrics, ..Payload::default() };
    let message = NodeMessage::new(topic, payload.encode_to_vec().into());
    let mut words = Vec::new();
    let came = Came { received: rig.now, retained: false };
    rig.host.take(&"plant".into(), &message, came, &mut words);
    words
}

fn pass(rig: &mut Rig, seconds: u64) -> Vec<Word> {
    rig.now = rig.now.plus(Duration::from_secs(seconds));
    let mut words = Vec::new();
    rig.host.pass(rig.now, &mut words);
    words
}

#[test]
fn a_flood_of_deaths_is_one_alarm_until_all_have_been_well_for_long() {
    let (mut rig, mut standing) = (Rig::new(false), Standing::default());
    let names: Vec<String> = (0..300).map(|n| format!("n{n:03}")).collect();
    for name in &names {
        words_of(&mut rig, Verb::Birth, name, 1);
    }
    let mut told = (0, 0);
    let mut add = |(raised, cleared): (usize, usize)| {
        told = (told.0 + raised, told.1 + cleared);
    };
    // A switch fails: the broker notices by and by.
    for (at, name) in names.iter().enumerate() {
        add(standing.follow(words_of(&mut rig, Verb::Death, name, 1)));
        if at % 10 == 9 {
            add(standing.follow(pass(&mut rig, 1)));
        }
    }
    add(standing.follow(pass(&mut rig, 10)));
    let (part, reason) = standing.0.first_key_value().unwrap();
    assert_eq!(&**part, "sparkplug/plant#edge-nodes");
    let first = "300 edge nodes of broker `plant` went since 1970-01-01T00:16:40Z, 300 are away and 0 come and go: \
                 `mill/n000`, `mill/n001`, `mill/n002`, `mill/n003`, `mill/n004`, …";
    assert!(reason.starts_with(first), "{reason}");
    // It comes and goes a few times, then stays.
    for round in 2..7 {
        for (verb, connection) in [(Verb::Birth, round), (Verb::Death, round)] {
            for name in &names {
                add(standing.follow(words_of(&mut rig, verb, name, connection)));
            }
            add(standing.follow(pass(&mut rig, 10)));
        }
    }
    for name in &names {
        add(standing.follow(words_of(&mut rig, Verb::Birth, name, 7)));
    }
    assert_eq!((told, standing.0.len()), ((1, 0), 1));
    let told_so_far = standing.0.values().next().unwrap().clone();
    assert!(told_so_far.contains("0 are away and 300 come and go"), "{told_so_far}");
    let mut after = Vec::new();
    for _ in 0..19 {
        after.extend(pass(&mut rig, 60));
    }
    assert_eq!(
        standing.follow(after),
        (0, 0),
        "restless, then well, for less than ten minutes each"
    );
    assert_eq!(standing.follow(pass(&mut rig, 60)), (0, 1));
    assert!(standing.0.is_empty());
}

#[test]
fn a_node_that_chatters_stays_in_alarm_until_it_is_calm() {
    let (mut rig, mut standing) = (Rig::new(false), Standing::default());
    words_of(&mut rig, Verb::Birth, "tm3", 0);
    let mut raised = 0;
    for n in 0..8 {
        // Never away for long enough to be told of alone.
        raised += standing.follow(words_of(&mut rig, Verb::Death, "tm3", n)).0;
        pass(&mut rig, 2);
        raised += standing.follow(words_of(&mut rig, Verb::Birth, "tm3", n + 1)).0;
        standing.follow(pass(&mut rig, 58));
        assert_eq!(standing.0.len(), usize::from(n >= 3), "{n}");
    }
    assert_eq!(raised, 1);
    let reason = &standing.0["sparkplug/plant/mill/tm3"];
    assert!(reason.contains("it went 4 times within 10 minutes"), "{reason}");
    standing.follow(pass(&mut rig, 541));
    assert_eq!(standing.0.len(), 1, "not calm for ten minutes");
    assert_eq!(standing.follow(pass(&mut rig, 2)), (0, 1));
}

#[test]
fn devices_of_a_node_are_damped_alike() {
    let mut rig = Rig::new(false);
    rig.birth(1, "a#1:d=0");
    for n in 0..10 {
        rig.say(&format!("DBIRTH/tm3/d{n}"), 1 + n, "P:d=1");
    }
    for n in 0..10 {
        assert_eq!(rig.say(&format!("DDEATH/tm3/d{n}"), 11 + n, ""), [format!("lost tm3|d{n}|P")]);
    }
    let told = rig.wait(5);
    assert!(
        alarms(&told)[0].starts_with("1 devices of edge node `mill/tm3` went since"),
        "{told:?}"
    );
    assert_eq!(alarms(&told).len(), 10, "the words follow, the alarm is one");
    assert!(alarms(&told)[9].starts_with("10 devices"), "{told:?}");
    // When the node dies, that is told in their place.
    rig.death(1);
    let told = seconds(&mut rig, 10);
    assert_eq!(alarms(&told).len(), 1);
    assert!(told[0].contains("edge node `mill/tm3`: it has gone"), "{told:?}");
}

#[test]
fn who_is_dead_or_silent_longest_is_forgotten_for_another() {
    let mut rig = Rig::new(false);
    for n in 0..NODES_MAX {
        assert_eq!(birth_of(&mut rig, &format!("n{n}"), 1).len(), 1);
    }
    let refused = birth_of(&mut rig, "last", 1);
    assert!(refused[0].starts_with("too-large: edge node `mill/last` would be"), "{refused:?}");
    assert!(alarms(&refused)[0].contains("`mill/last` is not followed: 1000 edge"), "{refused:?}");
    let again = birth_of(&mut rig, "last", 1);
    assert_eq!(alarms(&again), NOTHING, "once");

    // The dead go first, then the silent, in the order in which they were heard.
    rig.wait(10);
    death_of(&mut rig, "n7", 1);
    rig.wait(10);
    death_of(&mut rig, "n3", 1);
    assert_eq!(birth_of(&mut rig, "m0", 1)[0], "forgot sparkplug/plant/mill/n7");
    assert_eq!(birth_of(&mut rig, "m1", 1)[0], "forgot sparkplug/plant/mill/n3");
    assert!(birth_of(&mut rig, "m2", 1)[0].starts_with("too-large"));
    rig.wait(3600 - 20);
    let told = birth_of(&mut rig, "m2", 1);
    assert_eq!(told, ["forgot sparkplug/plant/mill/n0", "lost n0||a", "m2||a=0@5000"]);
    assert_eq!(rig.host.counts(), (NODES_MAX, 3));
    // The will of a node of which nothing is known takes no place.
    assert_eq!(death_of(&mut rig, "nobody", 1), NOTHING);
    assert_eq!(rig.host.counts(), (NODES_MAX, 3));
}

#[test]
fn the_dead_make_room_for_metrics_and_devices() {
    let names = |count: usize| (0..count).map(|n| format!("name-{n:06}:d=1")).collect::<Vec<_>>();
    let mut rig = Rig::new(false);
    for (connection, node) in ["x", "y"].iter().enumerate() {
        rig.birth(connection as u64, "");
        rig.say(&format!("NBIRTH/{node}"), 0, &names(90_000).join(" "));
    }
    death_of(&mut rig, "x", 0);
    let told = rig.say("NBIRTH/z", 0, &names(90_000).join(" "));
    assert!(told.iter().any(|word| word == "forgot sparkplug/plant/mill/x"));
    assert!(!told.iter().any(|word| word.starts_with("too-large")));

    let mut rig = Rig::new(false);
    rig.birth(1, "");
    for n in 0..1000 {
        rig.say(&format!("DBIRTH/tm3/d{n}"), (n + 1) % 256, "P:d=1");
    }
    let told = rig.say("DBIRTH/tm3/more", 1001 % 256, "P:d=1");
    assert!(told[0].starts_with("too-large: device `more`"), "{told:?}");
    assert!(alarms(&told)[0].contains("device `more` of edge node `mill/tm3` is not followed"));
    rig.say("DDEATH/tm3/d9", 1002 % 256, "");
    let told = rig.say("DBIRTH/tm3/more", 1003 % 256, "P:d=1");
    assert_eq!(told, ["forgot sparkplug/plant/mill/tm3/d9", "tm3|more|P=1@5000"]);
}
