//! Words of the trade that stand in sentences of all rooms: calls, dispositions, faults of sensors, signs.

use super::table;
use super::{Language, Phrase};
use crate::decode::Disposition;
use crate::models::Sign;
use crate::quality::SensorFault;
use crate::verdict::Call;

table! {
    on_spec: "on spec", "合格";
    at_risk: "at risk", "有风险";
    off_spec: "off spec", "不合格";
    not_judged: "not judged", "无法判定";

    release: "release", "放行";
    hold: "hold", "扣留待定";
    downgrade: "downgrade", "降级";
    rework: "rework", "返工";
    scrap: "scrap", "报废";

    sign_soft_sensor: "its soft sensors", "软测量";
    sign_batch_before: "the batch before it", "前一批次";
    sign_earlier_batch: "an earlier batch", "更早的批次";
    sign_score: "how far the process went", "过程偏离的程度";
    sign_flag: "what flags it besides", "其他报警";
    sign_limits: "what is outside its limits", "超出限值的部分";

    fault_stuck: "does not move", "数值不变";
    fault_stale: "no readings come", "没有读数";
    fault_range: "outside its range, or faster than it can be", "超出量程或变化过快";
    fault_source_bad: "its source calls it bad", "数据源标记为坏值";
    fault_no_number: "texts instead of numbers", "读数不是数字";
    fault_rail: "rests at an end of its range", "停在量程端点";
    fault_spike: "single values far from those beside them", "出现孤立的尖峰值";
    fault_noise: "scatters far more than it used to", "波动远大于以往";
    fault_attenuated: "scatters far less than it used to", "波动远小于以往";
    fault_intermittent: "readings come and go", "读数时断时续";
    fault_unit: "jumped by a factor between units", "数值按单位换算倍数跳变";
    fault_offset: "off by the same amount from what other tags say", "与其他测点存在固定偏差";
    fault_drift: "moves away from what other tags say", "逐渐偏离其他测点";
    fault_frozen: "does not follow what other tags say", "不随其他测点变化";
    fault_skew: "its stamps are off", "时间戳有偏差";
    fault_frozen_clock: "its stamp stands still", "时间戳停滞";

    comma: ", ", "、";
}

impl Language {
    /// A call, as it stands inside a sentence.
    pub(crate) fn call(self, call: Call) -> &'static str {
        let words = Words::of(self);
        match call {
            Call::OnSpec => words.on_spec,
            Call::AtRisk => words.at_risk,
            Call::OffSpec => words.off_spec,
            Call::Unknown => words.not_judged,
        }
    }

    /// What people decide about a batch.
    pub(crate) fn disposition(self, disposition: Disposition) -> &'static str {
        let words = Words::of(self);
        match disposition {
            Disposition::Release => words.release,
            Disposition::Hold => words.hold,
            Disposition::Downgrade => words.downgrade,
            Disposition::Rework => words.rework,
            Disposition::Scrap => words.scrap,
        }
    }

    /// The same by the word of the contract; one that is none stands as it was told.
    pub(crate) fn disposition_named(self, told: &str) -> Phrase {
        let known: Result<Disposition, _> = serde_json::from_value(told.into());
        known.map_or_else(|_| Phrase::name(told), |known| Phrase::words(self.disposition(known)))
    }

    /// What is wrong with a sensor.
    pub(crate) fn fault(self, fault: SensorFault) -> &'static str {
        let words = Words::of(self);
        match fault {
            SensorFault::Stuck => words.fault_stuck,
            SensorFault::Stale => words.fault_stale,
            SensorFault::Range => words.fault_range,
            SensorFault::SourceBad => words.fault_source_bad,
            SensorFault::NoNumber => words.fault_no_number,
            SensorFault::Rail => words.fault_rail,
            SensorFault::Spike => words.fault_spike,
            SensorFault::Noise => words.fault_noise,
            SensorFault::Attenuated => words.fault_attenuated,
            SensorFault::Intermittent => words.fault_intermittent,
            SensorFault::Unit => words.fault_unit,
            SensorFault::Offset => words.fault_offset,
            SensorFault::Drift => words.fault_drift,
            SensorFault::Frozen => words.fault_frozen,
            SensorFault::Skew => words.fault_skew,
            SensorFault::FrozenClock => words.fault_frozen_clock,
        }
    }

    /// The same by the word of the event; one that is none stands as it was told.
    pub(crate) fn fault_named(self, told: &str) -> Phrase {
        let known = SensorFault::named(told);
        known.map_or_else(|| Phrase::name(told), |known| Phrase::words(self.fault(known)))
    }

    /// What makes it likely that a batch ends off spec.
    pub(super) fn sign(self, sign: Sign) -> &'static str {
        let words = Words::of(self);
        match sign {
            Sign::SoftSensor => words.sign_soft_sensor,
            Sign::BatchBefore => words.sign_batch_before,
            Sign::EarlierBatch => words.sign_earlier_batch,
            Sign::Score => words.sign_score,
            Sign::Flag => words.sign_flag,
            Sign::Limits => words.sign_limits,
        }
    }

    /// What stands between the things of a list.
    pub(crate) fn comma(self) -> &'static str {
        Words::of(self).comma
    }

    /// Names from the plant in a row.
    pub(crate) fn names<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Phrase {
        Phrase::joined(names.into_iter().map(Phrase::name), self.comma())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_term() {
        crate::words::check(ALL, &[]);
    }

    #[test]
    fn a_word_of_the_contract_has_one_of_the_language() {
        let of = |told| Language::Chinese.disposition_named(told).to_string();
        assert_eq!([of("rework"), of("sell it")], ["返工", "sell it"]);
    }
}
