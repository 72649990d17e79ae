//! What scanners measure across the web: the newest scan as a line, the last scans as a heat map below it,
//! and what is known by them.

mod across;
mod curve;
mod map;

use super::format::{Clock, at, counted, fact, name, number, plain};
use super::html::Html;
use super::reader::Reader;
use crate::engine::ProfileView;
use crate::profile::{LeftOut, Statistics};
use crate::words::{fill, table};
use across::Across;

table! {
    across: "{id} across the web", "{id} 横幅分布";
    left_out: "The newest scan does not count: {why}.", "最新一次扫描不计入：{why}。";
    off_sheet: "the head is off the sheet", "扫描头不在纸面上";
    few_boxes: "too few boxes are valid", "有效测区太少";
    nothing_made: "nothing is made", "未在生产";
    late: "it is older than the one before", "它早于前一次扫描";
    other_boxes: "its boxes are others than those of the scans before", "其测区与之前各次扫描不同";
    other_width: "its sheet is much wider or narrower than that of the scans before", "其纸幅比之前各次扫描宽得多或窄得多";
    bad_quality: "its source calls it bad", "数据源将其标为坏值";
    odd_time: "its time is odd", "其时间异常";
    repeated: "it came before", "它已到达过";
    streak: "<b>Streak</b> at {place}: {deviation}", "{place}有<b>条纹</b>：{deviation}";
    streak_since: "<b>Streak</b> at {place}: {deviation}, since {at}", "{place}有<b>条纹</b>：{deviation}，自 {at} 起";
    one_scan: "Line: the newest scan. Map: a row for each scan, the newest at the bottom.", "曲线：最新一次扫描。色图：每行为一次扫描，最新的在最下方。";
    several_scans: "Line: the newest scan, and the mean of those shown. Map: a row for each scan, the newest at the bottom.", "曲线：最新一次扫描，以及图中各次扫描的平均。色图：每行为一次扫描，最新的在最下方。";
    mean: "Mean", "平均";
    sigma_md: "2σ MD", "2σ 纵向";
    sigma_cd: "2σ CD", "2σ 横向";
    sigma_residual: "2σ residual", "2σ 残余";
    sheet: "Sheet", "纸幅";
    tilt: "Tilt", "倾斜";
    edges: "Edges", "两边之差";
    worst: "Worst", "最差";
    worst_at: "{value} at {place}", "{place}为 {value}";
    scan: "{n} scan", "{n} 次扫描";
    scans: "{n} scans", "{n} 次扫描";
    basis: "{scans} of this batch, variance by <code>{by}</code>; the newest scan ended at {at}", "本批次 {scans}，方差分解用 <code>{by}</code>；最新一次扫描结束于 {at}";
    in_mm: "{place} mm", " {place} mm 处";
    in_boxes: "box {place}", "第 {place} 测区";
    span_mm: "{place} mm", "{place} mm";
    span_boxes: "box {place}", "第 {place} 测区";

    tending_side: "tending side", "操作侧";
    drive_side: "drive side", "传动侧";
    box_unit: "box", "测区";
    target: "target", "目标";
    low_limit: "low limit", "下限";
    high_limit: "high limit", "上限";
    curve: "The newest scan of {id} from tending side to drive side: mean {mean}, worst {worst} at {place}{against}", "{id} 的最新一次扫描，从操作侧到传动侧：平均 {mean}，最差值在{place}，为 {worst}{against}";
    against: ", {what} {value}", "，{what} {value}";
    map: "Heat map of the last {scans} scans of {id}: how far each place across the web is from the mean of its scan; {streaks}", "{id} 最近 {scans} 次扫描的色图：横幅各处与该次扫描平均值之差；{streaks}";
    no_streak: "no streak stands", "没有条纹";
    streak_at: "streak at {place}", "{place}有条纹";
    comma: ", ", "，";
    legend: "from the mean of its scan, grey: no value", "与该次扫描平均值之差，灰色：无数值";
}

/// Why a scan does not count, in the words of the reader.
const fn reason(left_out: LeftOut, words: &Words) -> &'static str {
    match left_out {
        LeftOut::OffSheet => words.off_sheet,
        LeftOut::FewBoxes => words.few_boxes,
        LeftOut::NothingMade => words.nothing_made,
        LeftOut::Late => words.late,
        LeftOut::OtherBoxes => words.other_boxes,
        LeftOut::OtherWidth => words.other_width,
        LeftOut::BadQuality => words.bad_quality,
        LeftOut::OddTime => words.odd_time,
        LeftOut::Repeated => words.repeated,
    }
}

/// The panel's content; only why not where no scan of paper has come yet.
pub(super) fn content(html: &mut Html, profile: &ProfileView, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<h3>");
    fill(html, words.across, &[("id", &name(&profile.id))]);
    html.raw("</h3>");
    if let Some(left_out) = profile.left_out {
        let mut why = Html::default();
        why.raw(reason(left_out, words));
        html.raw("<p class=\"muted\">");
        fill(html, words.left_out, &[("why", &why)]);
        html.raw("</p>");
    }
    let Some(known) = &profile.statistics else {
        return;
    };
    for streak in &known.streaks {
        let since = profile.streaks_since.map(|since| at(since, Clock::Minutes, reader));
        let sentence = if since.is_some() { words.streak_since } else { words.streak };
        let pieces = [
            ("place", &place(profile, (streak.from, streak.to), words)),
            ("deviation", &plain(&signed(streak.deviation, &profile.unit))),
            ("at", &since.unwrap_or_default()),
        ];
        html.raw("<p class=\"streak\">");
        fill(html, sentence, &pieces);
        html.raw("</p>");
    }
    drawing(html, profile, known, reader);
    facts(html, profile, known, reader);
}

/// Line and map over one axis.
fn drawing(html: &mut Html, profile: &ProfileView, known: &Statistics, reader: Reader) {
    let words = Words::of(reader.language);
    let Some(across) = Across::of(profile, known) else { return };
    html.raw("<figure class=\"across\">");
    curve::draw(html, profile, known, &across, words);
    let scale = map::draw(html, profile, known, &across, reader);
    across.axis(html, words);
    html.raw("<figcaption><span>");
    let several = profile.pictures.len() > 1;
    html.raw(if several { words.several_scans } else { words.one_scan }).raw("</span>");
    if let Some(scale) = scale {
        map::legend(html, &profile.unit, scale, words);
    }
    html.raw("</figcaption></figure>");
}

fn facts(html: &mut Html, profile: &ProfileView, known: &Statistics, reader: Reader) {
    let words = Words::of(reader.language);
    html.raw("<dl class=\"facts\">");
    let unit = &profile.unit;
    fact(html, words.mean, &plain(&with_unit(known.mean, unit)));
    let two_sigma = [
        (words.sigma_md, known.two_sigma_md),
        (words.sigma_cd, known.two_sigma_cd),
        (words.sigma_residual, known.two_sigma_residual),
    ];
    for (term, value) in two_sigma {
        if let Some(value) = value {
            fact(html, term, &plain(&with_unit(value, unit)));
        }
    }
    let sheet = if profile.in_mm { words.span_mm } else { words.span_boxes };
    fact(html, words.sheet, &placed((known.edge_first, known.edge_last), sheet));
    fact(html, words.tilt, &plain(&signed(known.tilt, unit)));
    fact(html, words.edges, &plain(&signed(known.edge_difference, unit)));
    let mut worst = Html::default();
    let pieces = [
        ("value", &plain(&with_unit(known.worst_value, unit))),
        ("place", &place(profile, (known.worst_position, known.worst_position), words)),
    ];
    fill(&mut worst, words.worst_at, &pieces);
    fact(html, words.worst, &worst);
    html.raw("</dl><p class=\"muted\">");
    let pieces = [
        ("scans", &counted(known.scans as u64, words.scan, words.scans)),
        ("by", &plain(profile.variance)),
        ("at", &at(known.at.as_millis(), Clock::Seconds, reader)),
    ];
    fill(html, words.basis, &pieces);
    html.raw("</p>");
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value)).trim_end().to_owned()
}

fn signed(value: f64, unit: &str) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", with_unit(value.abs(), unit))
}

/// Where something is: a place across the web, or from one to another.
fn place(profile: &ProfileView, from_to: (f64, f64), words: &'static Words) -> Html {
    placed(from_to, if profile.in_mm { words.in_mm } else { words.in_boxes })
}

fn placed((from, to): (f64, f64), sentence: &'static str) -> Html {
    let mut html = Html::default();
    let place = if from.to_bits() == to.to_bits() {
        number(from)
    } else {
        format!("{}–{}", number(from), number(to))
    };
    fill(&mut html, sentence, &[("place", &plain(&place))]);
    html
}

#[cfg(test)]
mod tests;
