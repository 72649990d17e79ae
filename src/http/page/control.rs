//! Control charts: the last points against their limits, how good those are, and what the process can do.

use super::chart::{level_word, marks, part};
use super::format::{Clock, at, count, counted, fact, fine_per_cent, number, plain};
use super::html::Html;
use super::reader::Reader;
use super::scale::Scale;
use crate::engine::{
    Capability, ChartPoint, ChartView, Detector, Index, Kind, Limits, LimitsError, OnTrial, Rates,
    RunRule, Side,
};
use crate::plant::Every;
use crate::reading::side_by_side;
use crate::words::{fill, table};

table! {
    of_laboratory: "laboratory, a value for each batch", "化验，每批一个值";
    each_batch: "a batch", "每批";
    mean_of: "mean of {each}", "{each}平均值";
    subgroups: "subgroups of {n} means of {each}", "子组：{n} 个{each}平均值";
    no_limits: "No limits yet", "尚无控制限";
    too_few: "Limits need {needed} independent points; these {n} are worth {effective}", "控制限需要 {needed} 个独立点；现有 {n} 个点相当于 {effective} 个独立点";
    constant: "All points are the same, and limits of that would be broken by any other", "所有点都相同，由此得出的控制限会被任何其他值突破";
    no_subgroup: "A subgroup has 2 to 100 readings, and not {n}", "每个子组应有 2 至 100 个读数，而不是 {n} 个";
    waiting: "{why}. Good batches: {have}, and at least {need} are needed.", "{why}。好批次已有 {have} 个，至少需要 {need} 个。";
    limits: "Limits", "控制限";
    origin: "Version {version}, from {points} points{worth} of {batches}{standing}, since {at}.", "版本 {version}，取自{batches}的 {points} 个点{worth}{standing}，自 {at} 起。";
    worth: " worth {n} independent ones", "（相当于 {n} 个独立点）";
    good_batch: "{n} good batch", " {n} 个好批次";
    good_batches: "{n} good batches", " {n} 个好批次";
    trial: ", on trial", "，试用";
    provisional: ", provisional", "，暂定";
    on_trial: "So few points leave limits open: these are {widened} times as wide as three sigma{rates}.", "点数太少，控制限尚不确定：现为三倍标准差的 {widened} 倍宽{rates}。";
    rate_at_most: ", and in 95 of 100 such charts at most {high} of the points signal by chance", "，这样的控制图 100 张中有 95 张因偶然而判异的点不超过 {high}";
    rate_between: ", and in 95 of 100 such charts {low} to {high} of the points signal by chance", "，这样的控制图 100 张中有 95 张因偶然而判异的点在 {low} 至 {high} 之间";
    later: " Runs, spreads and sums signal from 100 independent points on.", "链、离散程度与累积和自 100 个独立点起才判异。";
    signals: "Signals", "判异点";
    signals_of: "{signals} of {points} ({share}){chance}", "{points} 个点中 {signals} 个（{share}）{chance}";
    by_chance: "; by chance {rate}", "；偶然判异为 {rate}";
    last: "Last", "最新值";
    circles: "circles signal; they flag no batch", "圆圈为判异点，不引起批次报警";
    chart: "Control chart of {name}: at the end {value} between {lower} and {upper}, {signals} of {points} points signal", "{name} 的控制图：末端为 {value}，控制限 {lower} 至 {upper}，{points} 个点中 {signals} 个判异";
    marked: "{at} UTC: {marks}{corrected}", "{at} UTC：{marks}{corrected}";
    marked_of: "{batch}, {at} UTC: {marks}{corrected}", "{batch}，{at} UTC：{marks}{corrected}";
    mark: "{rule}{side} ({what})", "{what}{side}（{rule}）";
    comma: ", ", "、";
    high: "+", "，偏高";
    low: "-", "，偏低";
    corrected: "; since corrected to {value}", "；后更正为 {value}";
    beyond_3: "a point beyond 3 sigma", "一点落在 3σ 之外";
    nine_on_a_side: "9 in a row on one side of the centre", "连续 9 点在中心线同一侧";
    six_rise_or_fall: "6 in a row that rise or fall", "连续 6 点递增或递减";
    fourteen_in_turns: "14 in a row that go up and down in turns", "连续 14 点上下交替";
    two_beyond_2: "2 of 3 beyond 2 sigma on one side", "连续 3 点中有 2 点在同一侧 2σ 之外";
    four_beyond_1: "4 of 5 beyond 1 sigma on one side", "连续 5 点中有 4 点在同一侧 1σ 之外";
    fifteen_within_1: "15 in a row within 1 sigma", "连续 15 点在 1σ 之内";
    eight_beyond_1: "8 in a row beyond 1 sigma", "连续 8 点在 1σ 之外";
    eight_on_a_side: "8 in a row on one side of the centre", "连续 8 点在中心线同一侧";
    spread: "the spread", "离散程度";
    ewma: "the moving average", "指数加权移动平均";
    cusum: "the sums", "累积和";
}

/// The width of the plot, in its own units.
const WIDTH: f64 = 1000.0;

/// Draws one value of each point; nothing where there is none.
type Of = fn(&ChartPoint) -> Option<f64>;

/// What is drawn, in this order.
const CURVES: [(&str, Of); 6] = [
    ("<path class=\"limit\" d=\"", |point| Some(point.upper)),
    ("<path class=\"limit\" d=\"", |point| Some(point.lower)),
    ("<path class=\"centre\" d=\"", |point| Some(point.centre)),
    ("<path class=\"ewma-limit\" d=\"", |point| point.ewma.map(|ewma| ewma.upper)),
    ("<path class=\"ewma-limit\" d=\"", |point| point.ewma.map(|ewma| ewma.lower)),
    ("<path class=\"ewma\" d=\"", |point| point.ewma.map(|ewma| ewma.value)),
];

/// The panel's content.
pub(super) fn content(html: &mut Html, chart: &ChartView, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>").name(chart.of.name()).raw(" <small>").piece(&kind(chart, reader));
    html.raw("</small></h3>");
    drawing(html, chart, reader);
    let Some(limits) = &chart.limits else {
        waiting(html, chart, reader);
        return;
    };
    html.raw("<dl class=\"facts\">");
    let (lower, upper) = limits.three_sigma();
    let (lower, upper) = side_by_side(lower, upper);
    let bounds = format!("{lower}–{upper} {}", chart.unit);
    fact(html, words.limits, &plain(bounds.trim_end()));
    if let Some(capability) = &chart.capability {
        indices(html, capability);
    }
    signals(html, chart, words);
    html.raw("</dl><p class=\"muted\">");
    origin(html, chart, limits, reader);
    if let Some(trial) = &limits.trial {
        html.raw(" ");
        on_trial(html, chart, trial, words);
    }
    html.raw("</p>");
}

/// What a point is, in words.
fn kind(chart: &ChartView, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    if chart.of.property().is_some() {
        return plain(words.of_laboratory);
    }
    let settings = &chart.charted.settings;
    let each = match chart.charted.every {
        Every::Time(every) => {
            plain(&reader.duration(i64::try_from(every.as_millis()).unwrap_or(i64::MAX)))
        }
        Every::Batch => plain(words.each_batch),
    };
    let mut html = Html::default();
    match settings.kind {
        Kind::Individuals => fill(&mut html, words.mean_of, &[("each", &each)]),
        kind => {
            let n = plain(&kind.readings().to_string());
            fill(&mut html, words.subgroups, &[("n", &n), ("each", &each)]);
        }
    }
    html
}

/// Why nothing is judged yet.
fn waiting(html: &mut Html, chart: &ChartView, reader: Reader) {
    let words = Words::of(reader.language);
    let (have, need) = chart.batches;
    let mut why = Html::default();
    match &chart.why {
        None => {
            why.raw(words.no_limits);
        }
        Some(LimitsError::TooFew { n, effective, needed }) => {
            let pieces = [
                ("n", &plain(&n.to_string())),
                ("effective", &plain(&number(effective.round()))),
                ("needed", &plain(&number(*needed))),
            ];
            fill(&mut why, words.too_few, &pieces);
        }
        Some(LimitsError::Constant) => {
            why.raw(words.constant);
        }
        Some(LimitsError::Subgroup(n)) => {
            fill(&mut why, words.no_subgroup, &[("n", &plain(&n.to_string()))]);
        }
        Some(LimitsError::Said(told)) => reader.english(&mut why, &sentence(told)),
    }
    html.raw("<p class=\"muted\">");
    let (have, need) = (plain(&have.to_string()), plain(&need.to_string()));
    fill(html, words.waiting, &[("why", &why), ("have", &have), ("need", &need)]);
    html.raw("</p>");
}

/// With a capital letter.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What limits come from.
fn origin(html: &mut Html, chart: &ChartView, limits: &Limits, reader: Reader) {
    let words = Words::of(reader.language);
    let mut worth = Html::default();
    if limits.effective + 0.5 < f64::from(limits.n) {
        let n = plain(&number(limits.effective.round()));
        fill(&mut worth, words.worth, &[("n", &n)]);
    }
    let standing = match (limits.trial.is_some(), limits.provisional) {
        (true, _) => words.trial,
        (_, true) => words.provisional,
        _ => "",
    };
    let pieces = [
        ("version", &plain(&limits.version.to_string())),
        ("points", &plain(&count(limits.n.into()))),
        ("worth", &worth),
        ("batches", &counted(chart.of_batches.into(), words.good_batch, words.good_batches)),
        ("standing", &plain(standing)),
        ("at", &at(limits.valid_from.as_millis(), Clock::Day, reader)),
    ];
    fill(html, words.origin, &pieces);
}

/// What trial limits are worth.
fn on_trial(html: &mut Html, chart: &ChartView, trial: &OnTrial, words: &'static Words) {
    let OnTrial { widened, rates } = trial;
    let mut by_chance = Html::default();
    if let Some(Rates { low, high, .. }) = rates {
        let (low, high) = (fine_per_cent(*low), fine_per_cent(*high));
        let is_open = low == fine_per_cent(0.0);
        let sentence = if is_open { words.rate_at_most } else { words.rate_between };
        fill(&mut by_chance, sentence, &[("low", &plain(&low)), ("high", &plain(&high))]);
    }
    let widened = plain(&format!("{widened:.2}"));
    fill(html, words.on_trial, &[("widened", &widened), ("rates", &by_chance)]);
    if chart.charted.settings.detectors().any(|by| !by.holds_on_trial()) {
        html.raw(words.later);
    }
}

fn indices(html: &mut Html, capability: &Capability) {
    let indices = [
        ("Cp", capability.cp),
        ("Cpk", capability.cpk),
        ("Pp", capability.pp),
        ("Ppk", Some(capability.ppk)),
    ];
    for (name, index) in indices {
        let Some(Index { value, lower, upper }) = index else { continue };
        fact(html, name, &plain(&format!("{value:.2} ({lower:.2}–{upper:.2})")));
    }
}

/// How many points signal, beside how many would by chance.
fn signals(html: &mut Html, chart: &ChartView, words: &'static Words) {
    let (points, signals) = chart.points;
    if points == 0 {
        return;
    }
    let trial = chart.limits.as_ref().and_then(|limits| limits.trial);
    let by_chance = chart.charted.settings.run_length().map(|length| 1.0 / length);
    let mut chance = Html::default();
    if let Some(rate) = trial.map_or(by_chance, |trial| trial.rates.map(|rates| rates.mean)) {
        fill(&mut chance, words.by_chance, &[("rate", &plain(&fine_per_cent(rate)))]);
    }
    let mut told = Html::default();
    let pieces = [
        ("signals", &plain(&signals.to_string())),
        ("points", &plain(&count(points.into()))),
        ("share", &plain(&fine_per_cent(f64::from(signals) / f64::from(points)))),
        ("chance", &chance),
    ];
    fill(&mut told, words.signals_of, &pieces);
    fact(html, words.signals, &told);
}

/// The points with their limits; nothing of fewer than two.
fn drawing(html: &mut Html, chart: &ChartView, reader: Reader) {
    let words = Words::of(reader.language);
    let (Some(first), Some(last)) = (chart.recent.first(), chart.recent.last()) else { return };
    let (from, to) = (first.at.as_millis(), last.at.as_millis());
    let drawn = |point| CURVES.iter().filter_map(move |(_, of)| of(point));
    let all = chart.recent.iter().flat_map(|point| drawn(point).chain([point.value]));
    let Some(scale) = Scale::of(all).filter(|_| from < to) else { return };
    html.raw("<div class=\"plot control\"><svg role=\"img\" aria-label=\"");
    describe(html, chart, last, words);
    html.raw("\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
    let x = |point: &ChartPoint| part(point.at.as_millis(), from, to);
    for (open, of) in CURVES {
        path(html, open, chart, of, (&scale, &x));
    }
    path(html, "<path class=\"value\" d=\"", chart, |point| Some(point.value), (&scale, &x));
    html.raw("</svg><svg class=\"levels\" aria-hidden=\"true\">");
    for point in chart.recent.iter().filter(|point| !point.marks.is_empty()) {
        html.raw("<circle r=\"4.5\" cx=\"").coordinate(x(point) * 100.0).raw("%\" cy=\"");
        html.coordinate(scale.down(point.value)).raw("%\"><title>");
        html.piece(&marked(point, reader)).raw("</title></circle>");
    }
    level_word(html, "<text class=\"limit-word\"", scale.down(first.upper), &number(first.upper));
    level_word(html, "<text class=\"limit-word\"", scale.down(first.lower), &number(first.lower));
    html.raw("</svg></div><svg class=\"axis\" aria-hidden=\"true\">");
    marks(html, from, to, reader);
    html.raw("</svg><ul class=\"legend\"><li>").raw(words.last).raw(" <b>");
    html.text(&number(last.value)).raw("</b> ").name(&chart.unit).raw("</li>");
    if let Some(ewma) = last.ewma {
        html.raw("<li><svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 28 8\"><path class=\"ewma\" ");
        html.raw("d=\"M0 4H28\"/></svg>EWMA <b>").text(&number(ewma.value)).raw("</b></li>");
    }
    html.raw("<li class=\"muted\">").raw(words.circles).raw("</li></ul>");
}

/// A curve, broken where points are no neighbours.
fn path(
    html: &mut Html,
    open: &'static str,
    chart: &ChartView,
    of: Of,
    (scale, x): (&Scale, &dyn Fn(&ChartPoint) -> f64),
) {
    html.raw(open);
    let gap = chart.charted.settings.gap;
    let mut before: Option<&ChartPoint> = None;
    for point in &chart.recent {
        let Some(value) = of(point) else {
            before = None;
            continue;
        };
        let follows =
            before.is_some_and(|before| gap.is_none_or(|gap| before.at.plus(gap) >= point.at));
        html.raw(if follows { "L" } else { "M" });
        html.coordinate(x(point) * WIDTH).raw(" ").coordinate(scale.down(value));
        before = Some(point);
    }
    html.raw("\"/>");
}

/// What signals at a point, in words.
fn marked(point: &ChartPoint, reader: Reader) -> Html {
    let words = Words::of(reader.language);
    let (mut marks, mut corrected, mut html) = Default::default();
    for (ix, mark) in point.marks.iter().enumerate() {
        let marks: &mut Html = &mut marks;
        marks.raw(if ix > 0 { words.comma } else { "" });
        let side = match mark.side {
            Side::High => words.high,
            Side::Low => words.low,
            Side::Both => "",
        };
        let pieces = [
            ("rule", &plain(mark.by.name())),
            ("what", &plain(of_detector(mark.by, words))),
            ("side", &plain(side)),
        ];
        fill(marks, words.mark, &pieces);
    }
    if let Some(value) = point.corrected {
        fill(&mut corrected, words.corrected, &[("value", &plain(&number(value)))]);
    }
    let sentence = if point.batch.is_some() { words.marked_of } else { words.marked };
    let pieces = [
        ("batch", &plain(point.batch.as_deref().unwrap_or_default())),
        ("at", &plain(&Clock::Minutes.utc(point.at.as_millis(), reader))),
        ("marks", &marks),
        ("corrected", &corrected),
    ];
    fill(&mut html, sentence, &pieces);
    html
}

/// What a detector looks for.
fn of_detector(by: Detector, words: &Words) -> &'static str {
    match by {
        Detector::Rule(RunRule::Nelson1 | RunRule::Western1) => words.beyond_3,
        Detector::Rule(RunRule::Nelson2) => words.nine_on_a_side,
        Detector::Rule(RunRule::Nelson3) => words.six_rise_or_fall,
        Detector::Rule(RunRule::Nelson4) => words.fourteen_in_turns,
        Detector::Rule(RunRule::Nelson5 | RunRule::Western2) => words.two_beyond_2,
        Detector::Rule(RunRule::Nelson6 | RunRule::Western3) => words.four_beyond_1,
        Detector::Rule(RunRule::Nelson7) => words.fifteen_within_1,
        Detector::Rule(RunRule::Nelson8) => words.eight_beyond_1,
        Detector::Rule(RunRule::Western4) => words.eight_on_a_side,
        Detector::Spread => words.spread,
        Detector::Ewma => words.ewma,
        Detector::Cusum => words.cusum,
    }
}

fn describe(html: &mut Html, chart: &ChartView, last: &ChartPoint, words: &'static Words) {
    let signals = chart.recent.iter().filter(|point| !point.marks.is_empty()).count();
    let pieces = [
        ("name", &plain(chart.of.name())),
        ("value", &plain(&number(last.value))),
        ("lower", &plain(&number(last.lower))),
        ("upper", &plain(&number(last.upper))),
        ("signals", &plain(&signals.to_string())),
        ("points", &plain(&chart.recent.len().to_string())),
    ];
    fill(html, words.chart, &pieces);
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::words::{Language, Locale};

    #[test]
    fn both_languages_say_everything() {
        crate::words::check(ALL, &["UTC", "EWMA", "CUSUM", "σ"]);
    }

    #[test]
    fn a_signal_says_its_rule_and_what_that_looks_for() {
        let mut point = fixture::at_risk().lines[0].charts[0].recent[60].clone();
        point.batch = Some("R1".into());
        point.corrected = Some(131.0);
        let told = |language| {
            let reader = Reader::of(&Locale::default(), Some(language));
            marked(&point, reader).into_string()
        };
        assert_eq!(
            told(Language::English),
            "R1, 23:32 UTC: nelson-1- (a point beyond 3 sigma); since corrected to 131"
        );
        assert_eq!(
            told(Language::Chinese),
            "R1，23:32 UTC：一点落在 3σ 之外，偏低（nelson-1）；后更正为 131"
        );
        for detector in Detector::ALL {
            let Detector::Rule(rule) = detector else { continue };
            assert_eq!(of_detector(detector, Words::of(Language::English)), rule.words());
        }
    }
}
