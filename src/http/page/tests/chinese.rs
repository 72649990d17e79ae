//! The page in Chinese.

use super::super::super::fixture::{self, Fixture};
use crate::engine::{MaintenanceView, View};
use crate::verdict::Learning;
use crate::words::{Language, Locale};

/// A plant whose configuration says this language, while a model is fitted and one waits.
fn plant(view: View, language: Language) -> Fixture {
    let fixture = fixture::with_models(fixture::state(view), fixture::registry());
    let mut fixture = fixture::with_fit(fixture);
    fixture.api.note = tokio::sync::watch::Sender::new(Some("A mill".into())).subscribe();
    fixture::parts(&fixture.api.health);
    fixture.api.locale = Locale { language, ..fixture.api.locale };
    fixture
}

/// A view in which everything is said that can be.
fn all() -> View {
    let mut view = fixture::several();
    view.alarms_standing += 300;
    for (alarm, design) in view.alarms.iter_mut().zip(crate::alarm::Design::ALL) {
        (alarm.isa, alarm.chatters) = ("suppressed", true);
        alarm.suppressed_by = Some(design.reason());
    }
    for (tag, fault) in view.lines[0].tags.iter_mut().zip(["stuck", "rail", "spike", "skew"]) {
        tag.health = fault.into();
    }
    let line = &mut view.lines[1];
    line.clock = Some(fixture::NOW - 90_000_000);
    line.maintenance = Some(MaintenanceView {
        since: fixture::STARTED,
        until: fixture::NOW,
        by: Some("shift-a".into()),
        note: None,
    });
    line.verdict.as_mut().unwrap().learning = Some(Learning { have: 3, need: 20, borrowed: true });
    line.tags.clear();
    line.last_batches.clear();
    view
}

#[test]
fn nothing_is_left_in_english_but_names_and_what_is_marked() {
    for view in [
        fixture::empty(),
        fixture::waiting(),
        fixture::learning(),
        fixture::on_spec(),
        fixture::at_risk(),
        fixture::off_spec(),
        fixture::uncovered(),
        fixture::blind(),
        all(),
    ] {
        let fixture = plant(view, Language::Chinese);
        fixture.heartbeat.set(std::time::Duration::from_secs(42));
        for path in ["/", "/backtest?line=tm3&grade=facial-15&version=3"] {
            let page = fixture::get(&fixture, path).text;
            assert!(page.starts_with("<!doctype html><html lang=\"zh-CN\">"));
            assert_eq!(fixture::left_over(&page), [], "{path}");
        }
    }
}

#[test]
fn the_configuration_says_the_language_and_a_reader_may_ask_for_the_other() {
    let both = [(Language::English, "tm3: At risk"), (Language::Chinese, "tm3：有风险")];
    for (configured, of_configuration) in both {
        let fixture = plant(fixture::at_risk(), configured);
        let page = fixture::get(&fixture, "/").text;
        assert!(page.contains(of_configuration) && page.contains("data-fragment=\"fragment\""));
        assert!(!page.contains("/report?language="), "what goes without saying is not said");
        for (asked, told) in both {
            let query = format!("?language={}", asked.as_str());
            let page = fixture::get(&fixture, &format!("/{query}")).text;
            assert!(page.contains(&format!("<html lang=\"{}\">", asked.as_str())));
            assert!(page.contains(told));
            let fragment = fixture::get(&fixture, &format!("/fragment{query}")).text;
            assert!(page.contains(&format!("<main id=\"main\">{fragment}</main>")));
            // Wherever a link leads, it is in the language that was asked for.
            let inside = page.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
            let pages = ["batches/", "report/", "backtest?", "uniformity?"];
            let inside = inside.filter(|link| pages.iter().any(|page| link.starts_with(page)));
            let (mut links, mut with) = (0, 0);
            for link in inside.chain(page.split("data-fragment=\"").skip(1)) {
                links += 1;
                with += usize::from(link.split('"').next().unwrap().contains(&query[1..]));
            }
            assert!(links > 8, "{links}");
            assert_eq!(with, if asked == configured { 0 } else { links });
        }
        assert_eq!(fixture::get(&fixture, "/?language=fr").status, 400);
    }
}

#[test]
fn the_same_page_is_offered_in_the_other_language() {
    let fixture = plant(fixture::at_risk(), Language::English);
    let page = fixture::get(&fixture, "/").text;
    assert!(
        page.contains("<a href=\"?language=zh-CN\" lang=\"zh-CN\" hreflang=\"zh-CN\">中文</a>")
    );
    let asked = "/backtest?line=tm3&grade=facial-15&version=3&language=zh-CN";
    let page = fixture::get(&fixture, asked).text;
    let same = "?line=tm3&amp;grade=facial-15&amp;version=3&amp;language=en\"";
    assert!(page.contains(same), "{page}");
    assert!(page.contains("<a href=\"./?language=zh-CN\">返回生产线</a>"), "{page}");
}

/// What a shift leader reads of a batch at risk.
#[test]
#[expect(clippy::too_many_lines, reason = "most of it is what is read")]
fn a_batch_at_risk() {
    let mut view = fixture::at_risk();
    // One signal is enough to read.
    view.lines[0].charts[0].recent.truncate(70);
    let page = fixture::get(&plant(view, Language::Chinese), "/").text;
    let mut page = page.replace(['\u{a0}', '\u{202f}'], " ");
    for end in ["</p>", "</tr>", "</h2>", "</h3>", "</li>", "</caption>", "</dd>", "</ol>"] {
        page = page.replace(end, &format!("\n{end}"));
    }
    let words = super::words(&page.replace('\n', "\u{1}"));
    let lines = words.trim_start_matches("id=\"main\" ");
    let lines = lines.split('\u{1}').map(str::trim).filter(|line| !line.is_empty());
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    A mill
    tm3
    有风险
    目前尚未判为不合格，但最终可能不合格。现在处理还来得及。
    自 00:25 起，已持续 6 分钟
    正在用 20 个批次拟合品种 facial-15 的模型，开始于 00:30 ：读取数据帧，45 %。
    71 % 最终不合格的可能性
    46 % 批次完成进度
    批次 TM3-260123-014
    品种 facial-15
    开始 00:00
    最先变化 refiner_power
    代价最小的做法 立即结束 立即结束，再化验：3234 CNY = 10 分钟 × 150（提前结束） + 200（化验） + 71 % × 1.44 吨 × 1500（损纸） 先化验：6143 CNY = 200（化验） + 71 % × 3.13 吨 × 1500（损纸） + 71 % × 24.5 分钟 × 150（占用机时） 扣留待定：6523 CNY = 29 % × 2000（误扣） + 71 % × 3.13 吨 × 1500（损纸） + 71 % × 24.5 分钟 × 150（占用机时） 放行：14 463 CNY = 71 % × 12 000（漏判的批次） + 71 % × 3.13 吨 × 1500（损纸） + 71 % × 24.5 分钟 × 150（占用机时）
    模型 pca v4, 20 batches, 56,200 rows, limit provisional
    误报 120 个好批次中误报 2 个 0.2 至 5.9 %，承诺值 1.0 %
    待启用的模型 版本 3 待启用，已试判最近的 12 个批次：8 个好批次中它会报警 0 个，版本 2 报警 2 个；1 个不合格批次中它会报警 1 个，版本 2 报警 0 个；3 个尚无结论 它对最近 30 个批次会如何判定
    已决定启用的模型 版本 4 从该生产线下一个批次边界起用于判定： promoted by shift-a, the artifact of version 1 ， 1月23日 00:30
    已生产 36 100 m 还剩约 42 000 m 受影响： 8120–9290 m 00:07 – 00:08 29 100–36 100 m 00:25 – 00:31 ， 00:25 起到达生产线末端
    超出限值： 8120–9290 m 00:07 – 00:08
    判定依据
    各测点不像好批次那样协同变化：SPE 为其限值的 3.21 倍。
    对偏差的贡献
    refiner_power 41 %
    stock_consistency 22 %
    steam_pressure 9 %
    过程偏离正常状态超出允许范围：T² 为其限值的 1.31 倍。
    对偏差的贡献
    refiner_power 62 %
    basis_weight 15.08 g/m2 ，最近在 14.4 至 15.6 之内；批次的 3.1 % 超出限值。
    发生变化的测点，最先变化的在前
    测点 实际 预期 起始时间
    refiner_power stock 146.2 160.3 kW 00:25
    steam_pressure yankee 6.810 6.660 bar 00:25
    发生过相同变化的批次，最相似的在前
    批次 相似度 结果
    TM3-260122-031 1月22日 12:53 93 % 返工； tensile_md 112.4，低于下限 120； refiner power +5 %
    TM3-260121-007 1月21日 06:20 towel-21 78 % 放行；1.2 % 超限
    过程统计量与限值之比
    2 3 限值 23:40 23:50 00:00 00:10 00:20 00:30 偏离指数 3.20
    T² 1.39
    残差 2.93
    1 为限值
    basis_weight 60 秒平均值
    23:32 UTC：一点落在 3σ 之外，偏低（nelson-1） 15.42 14.62 22:45 23:00 23:15 23:30 最新值 14.96 g/m2
    EWMA 14.98
    圆圈为判异点，不引起批次报警
    控制限 14.62–15.42 g/m2
    Pp 1.33 (1.25–1.41)
    Ppk 1.29 (1.21–1.37)
    判异点 940 个点中 7 个（0.7 %）；偶然判异为 0.5 %
    版本 2，取自 24 个好批次的 1080 个点（相当于 569 个独立点），自 1月22日 00:31 起。
    moisture 60 秒平均值
    控制限需要 100 个独立点；现有 840 个点相当于 62 个独立点。好批次已有 24 个，至少需要 20 个。
    tensile_md 化验，每批一个值
    TM3-260123-012，23:46 UTC：一点落在 3σ 之外，偏低（nelson-1）；后更正为 131 145 117.4 23:30 00:00 00:30 最新值 133.5 N/m
    EWMA 131.2
    圆圈为判异点，不引起批次报警
    控制限 117.4–145.0 N/m
    判异点 3 个点中 1 个（33.3 %）；偶然判异为 0.8 %
    版本 1，取自 34 个好批次的 34 个点（相当于 31 个独立点），试用，自 1月22日 00:31 起。 点数太少，控制限尚不确定：现为三倍标准差的 1.12 倍宽，这样的控制图 100 张中有 95 张因偶然而判异的点不超过 3.4 %。
    化验结果预测
    项目 预测值 90 % 区间 限值 超限的可能性 以往的准确程度
    stretch – – – – 软测量需要 20 个化验值，现有 12 个化验值
    tensile_md 117.9 N/m 112.8 至 123.1 ≥ 120 71 % 误差 3.1 N/m （用平均值预测为 5.4，用上一个值预测为 6.2；取自 61 个化验值；其后 12 个值中 11 个落在区间内）；主要依据 refiner_power 、 stock_consistency
    不合格可能性的预测与实际结果
    批次进度 批次数 不合格 预测可能性过半的 其余 布里尔分数
    25 % 40 2 – 40 批中 2 批不合格 （预测 8 %） 0.050 （只按比例为 0.048）
    50 % 40 2 – 40 批中 2 批不合格 （预测 8 %） 0.050 （只按比例为 0.048）
    75 % 40 2 2 批中 2 批不合格 （预测 74 %） 38 批中 0 批不合格 （预测 8 %） 0.010 （只按比例为 0.048）
    最近的批次 本周判定评估
    批次 判定 处置 超限 报警提前量 长度 结束
    TM3-260122-031 合格 放行 0.4 % – 77 863 m 1月23日 00:00
    TM3-260122-030 不合格 返工 23.1 % 30 分钟 77 726 m 1月22日 23:13
    TM3-260122-029 合格 放行 0.4 % – 77 589 m 1月22日 22:26
    TM3-260122-028 有风险 扣留待定 23.1 % 30 分钟 77 452 m 1月22日 21:39
    TM3-260122-027 合格 放行 0.4 % – 77 315 m 1月22日 20:52
    TM3-260122-026 作废 – – – 77 178 m 1月22日 20:05
    TM3-260122-025 合格 放行 0.4 % – 77 041 m 1月22日 19:18
    测点 2 个不可信
    测点 数值 单位 距今 传感器
    steam_pressure 7.4 bar 5 分钟 数值不变
    vacuum_box_2 31 204 kPa 64 秒 没有读数
    basis_weight 15.08 g/m2 1 秒 正常
    moisture 5.912 % 1 秒 正常
    reel_speed 1812 m/min 1 秒 正常
    refiner_power 412.7 kW 1 秒 正常
    stock_consistency 0.2134 % 2 秒 正常
    yankee_temperature 101.3 °C 1 秒 正常
    crepe_ratio −0.00018 1 秒 正常
    批次的均匀性，以及造成差异的原料批号
    onspec 自身状态
    当前报警
    报警 级别 内容 状态 起始时间
    tm3/batch 警告 reel TM3-260123-014 at risk 未确认 1月23日 00:25
    system/influxdb 提示 influxdb does not work 未确认 1月23日 00:27
    tm3/sensor/moisture 提示 已搁置，至 1月23日 01:31 ，操作人： shift-a ，备注： cable is being changed 其间又发生 2 次
    组件
    组件 状态 原因 起始时间
    influxdb 异常，重试中 connection refused; 12,400 lines wait 1月23日 00:27
    mqtt/plant 正常 1月22日 23:31
    store 正常 1月22日 23:31
    webhook/shift-leads 正常 1月22日 23:31
    已存储读数 1 284 330
    重复读数 12
    未登记的序列 2
    上次启动于 1月22日 22:43 ：程序停运 42 分钟，2 个批次延后判定，已知丢失 0 条消息，1 处可能缺失。
    the broker has lost the session `onspec-1`
    未登记：只存储，不参与判定
    生产线 测点 最新值 时间 读数
    pm1 dry/steam 7.5 1月23日 00:31 3
    数据源及其时钟
    生产线 区域 消息代理 时间戳 延迟 时钟
    tm3 dry plant 自带时间戳 0 秒 正常
    tm3 wet plant 自带时间戳 90 秒 偏慢
    tm3 scanner plant 到达时间：数据源不带时间戳 – 正常
    边缘节点
    组 节点 消息代理 状态 上线时间 设备 变量 等待处理 序号缺失
    mill tm3 plant 在线 1月22日 22:31 6 64 0 1
    mill tm4 plant 离线 1月22日 22:31 0 64 0 1
    mill tm5 plant 未收到上线消息 – 0 0 41 1
    已知 3 个，另有 2 个为腾出位置而不再跟踪。
    未接收的消息
    不是 JSON 3
    主题无规则匹配 41
    到达 主题 原因 具体情况
    00:29:30 mill/tm3/dry/steam 不是 JSON expected `,` at byte 17
    00:19:20 mill/tm3/dry/old 主题无规则匹配 no rule takes it
    截至 00:31:00 UTC
    API 运行指标 健康状态
    ");
}
