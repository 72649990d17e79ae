//! What differs for services of their own: messages that tell of many events, rates, answers, and what is told again.

use super::*;
use crate::alarm::{EventKind, Notification, Subject};
use crate::webhook::standard;

/// What a service says when it took a message.
pub(super) fn taken(format: Format) -> &'static str {
    match format {
        Format::DingTalk | Format::WeCom => r#"{"errcode":0,"errmsg":"ok"}"#,
        Format::Feishu => r#"{"code":0,"msg":"success"}"#,
        _ => "ok",
    }
}

const CHATS: [Format; 5] =
    [Format::Slack, Format::Teams, Format::DingTalk, Format::Feishu, Format::WeCom];

pub(super) fn event(n: usize, tag: &str, kind: EventKind) -> Notification {
    let at = Timestamp::from_nanos(1_614_265_330_000_000_000);
    Notification {
        kind,
        id: format!("evt_{n}").into(),
        at,
        site: "mill".into(),
        line: "tm3".into(),
        severity: Severity::Warning,
        priority: None,
        occurrence: 1,
        revision: 0,
        alarm: format!("tm3/sensor/{tag}").into(),
        title: format!("title {n}").into(),
        text: "stuck".into(),
        subject: Subject::Sensor {
            tag: tag.into(),
            fault: "stuck".into(),
            since: at,
            behind_ms: None,
        },
        told: vec![],
        response: crate::alarm::Response::default(),
    }
}

fn sick(n: usize, tag: &str) -> Notification {
    event(n, tag, EventKind::SensorUnhealthy)
}

impl Rig {
    fn tell(&self, event: &Notification) {
        self.outbox.push(&event.id, &standard(event, None, &crate::webhook::Audience::default()));
    }

    fn serving(mut self, post: &Scripted, standing: &[Notification]) -> Self {
        let secret =
            (self.format == Format::PagerDuty).then_some("0123456789abcdef0123456789abcdef");
        let mut sender = self.sender("http://h", secret);
        sender.standing = standing
            .iter()
            .map(|event| standard(event, None, &crate::webhook::Audience::default()))
            .collect();
        self.tasks.spawn(serve(sender, post.clone()));
        self
    }
}

impl Scripted {
    fn of(format: Format) -> Self {
        Self { otherwise: taken(format), ..Self::default() }
    }

    fn bodies(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        got.iter().map(|envelope| String::from_utf8(envelope.body.clone()).unwrap()).collect()
    }
}

/// Of how many events a message tells.
pub(super) fn told(body: &str) -> usize {
    let Some(end) = body.find(" events, ") else { return 1 };
    let digits = body[..end].bytes().rev().take_while(u8::is_ascii_digit).count();
    body[end - digits..end].parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_comes_back_is_told_all_that_waited_and_nothing_is_uncounted() {
    for format in CHATS {
        let post = Scripted::of(format);
        post.say(vec![Some(answer(0)); 6]);
        let rig = Rig::of(format).serving(&post, &[]);
        for n in 0..150 {
            rig.tell(&sick(n, &format!("QI-{}", n % 3)));
            sleep(Duration::from_millis(500)).await;
        }
        rig.outbox.empty().await;
        let bodies = post.bodies();
        let heard: usize = bodies[6..].iter().map(|body| told(body)).sum();
        assert_eq!(heard, 150, "{format:?}: {bodies:#?}");
        assert!(bodies[6..].len() < 150, "{format:?}");
        let done: Vec<i64> = (1..=150).collect();
        assert_eq!(rig.outbox.done_ids(), done, "{format:?}: all, in order, each once");
        let last = ["title 149", "title 148", "title 147"];
        let shown = last.iter().filter(|title| bodies.iter().any(|body| body.contains(**title)));
        assert_eq!(shown.count(), 3, "{format:?}: the newest state of each is shown");
        assert_eq!(rig.health().0, State::Ok);
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn incidents_are_told_one_by_one_through_trouble() {
    let post = Scripted::of(Format::PagerDuty);
    post.say(vec![Some(answer(500)); 3]);
    let rig = Rig::of(Format::PagerDuty).serving(&post, &[]);
    for n in 0..10 {
        rig.tell(&sick(n, "QI-1"));
    }
    rig.outbox.empty().await;
    let mut expected = vec!["evt_0".to_owned(); 3];
    expected.extend((0..10).map(|n| format!("evt_{n}")));
    assert_eq!(post.ids(), expected);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_service_is_asked_more_often_than_it_takes() {
    for (format, most, within) in [
        (Format::DingTalk, 20, 60),
        (Format::WeCom, 20, 60),
        (Format::Slack, 1, 1),
        (Format::Feishu, 100, 60),
    ] {
        let post = Scripted::of(format);
        let mut rig = Rig::of(format);
        let sender = rig.sender("http://h", None);
        let timed = Timed(post.clone(), Arc::default());
        let at = Arc::clone(&timed.1);
        rig.tasks.spawn(serve(sender, timed));
        for n in 0..600 {
            rig.tell(&sick(n, &format!("QI-{n}")));
            sleep(Duration::from_millis(250)).await;
        }
        rig.outbox.empty().await;
        let at = at.lock().unwrap().clone();
        for (n, from) in at.iter().enumerate() {
            let inside =
                at[n..].iter().filter(|at| **at < *from + Duration::from_secs(within)).count();
            assert!(inside <= most, "{format:?}: {inside} requests within {within} s");
        }
        assert_eq!(post.bodies().iter().map(|body| told(body)).sum::<usize>(), 600);
        // And no less often than it may be: what there is to say does not wait in vain.
        assert!(
            at.len() * usize::try_from(within).unwrap() >= most * 140,
            "{format:?}: {}",
            at.len()
        );
        rig.stop().await;
    }
}

/// A receiver that remembers when it was asked.
struct Timed(Scripted, Arc<Mutex<Vec<Instant>>>);

impl Post for Timed {
    async fn post(&self, envelope: Envelope) -> Result<Answer, String> {
        self.1.lock().unwrap().push(instant());
        self.0.post(envelope).await
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_message_that_is_refused_for_good_each_event_is_kept_apart() {
    let post = Scripted::of(Format::WeCom);
    post.say([Some(Answer { text: r#"{"errcode":40058,"errmsg":"size"}"#.into(), ..answer(200) })]);
    let rig = Rig::of(Format::WeCom);
    for n in 0..3 {
        rig.tell(&sick(n, &format!("QI-{n}")));
    }
    let rig = rig.serving(&post, &[]);
    rig.outbox.empty().await;
    let parked = rig.outbox.parked();
    assert_eq!(parked.iter().map(|parked| parked.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(
        parked[1].body,
        standard(&sick(1, "QI-1"), None, &crate::webhook::Audience::default())
    );
    assert!(parked[1].reason.contains("40058"), "{}", parked[1].reason);
    assert_eq!(rig.health().0, State::Degraded);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_success_that_is_none_loses_nothing_and_says_what_to_correct() {
    let post = Scripted::of(Format::DingTalk);
    let mismatch = r#"{"errcode":310000,"errmsg":"sign not match"}"#;
    post.say(vec![Some(Answer { text: mismatch.into(), ..answer(200) }); 2]);
    let rig = Rig::of(Format::DingTalk).serving(&post, &[]);
    rig.tell(&sick(0, "QI-1"));
    while rig.outcomes("retry") < 1.0 {
        sleep(Duration::from_millis(10)).await;
    }
    let (state, reason) = rig.health();
    assert_eq!(state, State::Degraded);
    assert!(reason.contains("sign not match") && reason.contains("correct `secret`"), "{reason}");
    rig.outbox.empty().await;
    assert_eq!(post.ids(), ["evt_0"; 3]);
    assert_eq!(rig.health().0, State::Ok);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_there_is_nothing_to_say_of_is_passed_over() {
    let post = Scripted::of(Format::PagerDuty);
    let mut rig = Rig::of(Format::PagerDuty);
    let mut sender = rig.sender("http://h", Some("0123456789abcdef0123456789abcdef"));
    sender.settings.severity = Severity::Warning;
    rig.tasks.spawn(serve(sender, post.clone()));
    // A start that missed nothing: no incident began, and none ends.
    let subject =
        |at| Subject::System { component: "onspec".into(), reason: "r".into(), since: at };
    let started = event(0, "x", EventKind::SystemRecovered);
    let started =
        Notification { subject: subject(started.at), severity: Severity::Info, ..started };
    rig.tell(&started);
    rig.tell(&sick(1, "QI-1"));
    rig.outbox.empty().await;
    assert_eq!((post.ids(), rig.outcomes("skipped")), (vec!["evt_1".to_owned()], 1.0));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_stands_is_told_again_every_minute_from_the_start() {
    let post = Scripted::of(Format::Alertmanager);
    let standing = [sick(1, "QI-1"), sick(2, "QI-2")];
    let rig = Rig::of(Format::Alertmanager).serving(&post, &standing);
    sleep(Duration::from_secs(150)).await;
    assert_eq!(post.bodies().len(), 3);
    assert!(post.bodies().iter().all(|body| body.contains("QI-1") && body.contains("QI-2")));
    rig.tell(&event(3, "QI-1", EventKind::SensorRecovered));
    rig.outbox.empty().await;
    rig.tell(&event(4, "QI-2", EventKind::SensorRecovered));
    rig.outbox.empty().await;
    let before = post.bodies().len();
    assert_eq!(before, 5);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(post.bodies().len(), before, "nothing stands, so nothing is said");
    rig.tell(&sick(5, "QI-5"));
    sleep(Duration::from_secs(299)).await;
    assert!((5..=6).contains(&(post.bodies().len() - before)), "{}", post.bodies().len() - before);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_stands_is_told_again_as_soon_as_the_receiver_is_back() {
    let post = Scripted::of(Format::Alertmanager);
    post.say(vec![Some(answer(503)); 8]);
    let rig = Rig::of(Format::Alertmanager).serving(&post, &[sick(1, "QI-1")]);
    rig.tell(&sick(2, "QI-2"));
    rig.outbox.empty().await;
    let bodies = post.bodies();
    assert_eq!(bodies.len(), 10);
    assert!(bodies[8].contains("QI-1") && bodies[9].contains("QI-2"), "{bodies:#?}");
    assert_eq!(rig.health().0, State::Ok);
    rig.stop().await;
}
