//! Slides to pages and pictures: places, colours, what is inherited, what is said to be lost, and what is not allowed.

use image::{GenericImageView, Rgb, RgbImage};
use mshub_convert::{Error, Format, Report, convert_here};
use pdf_extract::{Document, MediaBox, OutputDev, OutputError, Transform, output_doc_page};

use crate::files::{Desk, encoded, pdf_text, zip_of};

/// Six slides and a hidden one; `samples/deck.py` made it.
const DECK: &[u8] = include_bytes!("samples/deck.pptx");

/// The letters of a page and where they stand, in points from its upper left corner.
#[derive(Default)]
struct Letters {
    height: f64,
    letters: Vec<(String, f64, f64)>,
}

impl OutputDev for Letters {
    fn begin_page(
        &mut self,
        _: u32,
        page: &MediaBox,
        _: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.height = page.ury;
        Ok(())
    }
    fn output_character(
        &mut self,
        at: &Transform,
        _: f64,
        _: f64,
        _: f64,
        letter: &str,
    ) -> Result<(), OutputError> {
        self.letters.push((letter.to_owned(), at.m31, self.height - at.m32));
        Ok(())
    }
    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Where a text begins on a page: its left end and its baseline.
fn place(pdf: &[u8], page: u32, text: &str) -> (f64, f64) {
    let mut letters = Letters::default();
    output_doc_page(&Document::load_mem(pdf).unwrap(), &mut letters, page).unwrap();
    let said: String = letters.letters.iter().map(|(letter, ..)| letter.as_str()).collect();
    let at = said.find(text).unwrap_or_else(|| panic!("{text} is not in {said}"));
    let mut before = 0;
    let found = letters.letters.iter().find(|(letter, ..)| {
        before += letter.len();
        before > at
    });
    let (_, x, y) = found.unwrap();
    (*x, *y)
}

/// A page as a picture in which an inch has 72 pixels.
fn painted(desk: &Desk, name: &str, page: u32) -> RgbImage {
    let mut request = desk.request(name, Format::Png);
    (request.options.page, request.options.dpi) = (Some(page), Some(72));
    convert_here(&request, &mut |_| ()).unwrap();
    image::open(&request.output).unwrap().into_rgb8()
}

/// The colour at a place in inches.
fn color(picture: &RgbImage, x: f64, y: f64) -> [u8; 3] {
    picture.get_pixel((x * 72.0) as u32, (y * 72.0) as u32).0
}

fn near(one: [u8; 3], other: [u8; 3]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) < 12)
}

#[test]
fn every_slide_is_a_page_with_its_words_where_they_were() {
    let desk = Desk::new();
    desk.put("deck.pptx", DECK);

    let (report, pdf) = desk.converted("deck.pptx", Format::Pdf);

    assert_eq!((report.pages, report.recall, report.degraded), (Some(6), Some(1.0), false), "{report:?}");
    assert!(report.warnings.iter().any(|warning| warning == "hidden slides are left out (1)"), "{report:?}");
    let text = pdf_text(&pdf);
    assert!(!text.contains("Nobody sees this") && !text.contains("Click to"), "{text}");
    // The title of the first slide is centred where the layout has it; it says only how large its letters are.
    let (x, y) = place(&pdf, 1, "Harbour report");
    assert!((220.0..260.0).contains(&x) && (225.0..250.0).contains(&y), "{x} {y}");
    // Deeper in the list is further right, and lines follow each other.
    let places =
        ["Boats are", "nets &", "ropes first", "The quay", "and red"].map(|text| place(&pdf, 2, text));
    assert!(places.is_sorted_by(|(_, one), (_, other)| one < other), "{places:?}");
    let [first, second, third, fourth, _] = places.map(|(x, _)| x);
    assert!(first < second && second < third && (fourth - first).abs() < 0.1, "{places:?}");
    // Wrapped at the right, and at the bottom of its box.
    let (x, y) = place(&pdf, 3, "wrapped where");
    assert!(x > 259.0 && x < 340.0 && y < 290.0, "{x} {y}");
    let (_, y) = place(&pdf, 3, "bottom");
    assert!((485.0..504.0).contains(&y), "{y}");
    // Turned by a quarter: it is written downwards in a box that stands upright.
    let (x, y) = place(&pdf, 3, "turned");
    assert!((135.0..150.0).contains(&x) && (236.0..250.0).contains(&y), "{x} {y}");
    // Cells of a row stand beside each other, and a row is as high as its text.
    let (tea, price, coffee) = (place(&pdf, 4, "Tea"), place(&pdf, 4, "12.50"), place(&pdf, 4, "Coffee"));
    assert!((tea.1 - price.1).abs() < 0.1 && (price.0 - tea.0 - 144.0).abs() < 0.1, "{tea:?} {price:?}");
    assert!(coffee.1 - tea.1 > 50.0, "three lines are higher than one: {coffee:?}");
    // Numbered anew in the inner list, and on again in the outer one.
    assert!(
        place(&pdf, 6, "3.").1 > place(&pdf, 6, "a)").1 && place(&pdf, 6, "a)").0 > place(&pdf, 6, "2.").0
    );
    // Words of the second column, and the last of what was made smaller, are within their boxes.
    assert!(place(&pdf, 6, "Upwards").0 > 576.0);
}

#[test]
fn shapes_tables_and_pictures_have_their_colours() {
    let desk = Desk::new();
    desk.put("deck.pptx", DECK);

    let shapes = painted(&desk, "deck.pptx", 3);
    assert_eq!(shapes.dimensions(), (720, 540));
    for (x, y, wanted) in [
        (0.6, 2.1, [0x20, 0x40, 0x80]),
        (5.7, 2.5, [0, 0x80, 0]),
        // Its corner is outside of an ellipse, and of a rectangle that is rounded.
        (5.55, 2.05, [255, 255, 255]),
        (3.02, 2.02, [255, 255, 255]),
        // Accent 2, four tenths lighter.
        (3.2, 2.2, [0xd9, 0x96, 0x94]),
        // Turned by a quarter it is high and narrow.
        (1.9, 3.4, [0x80, 0x80, 0]),
        (1.2, 4.2, [255, 255, 255]),
        // Half as large as its own coordinates say.
        (6.2, 6.1, [0, 100, 0]),
        (8.9, 6.9, [200, 100, 0]),
    ] {
        assert!(near(color(&shapes, x, y), wanted), "{x} {y}: {:?}", color(&shapes, x, y));
    }
    let arrow = shapes.view(500, 330, 42, 32).pixels().filter(|(_, _, pixel)| pixel.0[0] < 200).count();
    assert!(arrow > 10, "the line has a head: {arrow}");

    let table = painted(&desk, "deck.pptx", 4);
    assert!(near(color(&table, 1.8, 2.1), [0x4f, 0x81, 0xbd]), "its first row is strong");
    assert!(near(color(&table, 2.4, 2.6), [0xd0, 0xd8, 0xe8]), "{:?}", color(&table, 2.4, 2.6));

    let pictures = painted(&desk, "deck.pptx", 5);
    assert!(near(color(&pictures, 9.8, 7.0), [0xdd, 0xee, 0xff]), "the background");
    let colors = [(0.7, 0.7), (4.3, 0.7), (5.2, 0.7)].map(|(x, y)| color(&pictures, x, y));
    let [whole_left, whole_right, cut] = colors;
    assert!(
        near(whole_left, [200, 0, 0]) && near(whole_right, [0, 0, 200]) && near(cut, [0, 0, 200]),
        "{colors:?}"
    );

    let outlines = painted(&desk, "deck.pptx", 6);
    assert!(
        near(color(&outlines, 6.0, 3.8), [0xee; 3]) && near(color(&outlines, 5.05, 3.1), [255; 3]),
        "a triangle"
    );
    let below = outlines.view(36, 294, 288, 200).pixels().filter(|(_, _, pixel)| pixel.0[0] < 128).count();
    assert_eq!(below, 0, "what was made smaller to fit does not run over");
}

#[test]
fn the_same_slides_give_the_same_bytes_and_all_of_them_a_zip() {
    let desk = Desk::new();
    desk.put("deck.pptx", DECK);

    assert!(desk.converted("deck.pptx", Format::Pdf).1 == desk.converted("deck.pptx", Format::Pdf).1);
    let mut request = desk.request("deck.pptx", Format::Zip);
    request.options.width = Some(40);
    let report = convert_here(&request, &mut |_| ()).unwrap();
    assert_eq!((report.pages, report.recall), (Some(6), Some(1.0)));
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&request.output).unwrap()).unwrap();
    assert_eq!((zip.len(), &*zip.by_index(5).unwrap().name().unwrap()), (6, "page-006.png"));
}

/// A presentation of one slide with these shapes, on a layout and a master with a theme of their own.
fn deck(shapes: &str) -> Vec<u8> {
    deck_with(shapes, "", "<p:sldSz cx='3657600' cy='1828800'/>")
}

fn deck_with(shapes: &str, prologue: &str, size: &str) -> Vec<u8> {
    const NAMES: &str =
        "xmlns:p='p' xmlns:a='a' xmlns:r='r' xmlns:mc='m' xmlns:c='c' xmlns:dgm='d' xmlns:dsp='s'";
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id='{id}' Type='http://x/relationships/{kind}' Target='{target}'/>")
    };
    let relations = |all: &[(&str, &str, &str)]| {
        let inner: String = all.iter().map(|(id, kind, target)| relation(id, kind, target)).collect();
        format!(
            "<Relationships>{inner}<Relationship Id='out' Type='http://x/relationships/image' \
             Target='http://127.0.0.1:9/a.png' TargetMode='External'/></Relationships>"
        )
    };
    let tree = |inner: &str| format!("<p:cSld><p:spTree>{inner}</p:spTree></p:cSld>");
    let title = |at: &str| {
        format!(
            "<p:sp><p:nvSpPr><p:nvPr><p:ph type='title'/></p:nvPr></p:nvSpPr><p:spPr>{at}</p:spPr>\
             <p:txBody><a:bodyPr lIns='0' tIns='0'/><a:p><a:r><a:t>Prompt</a:t></a:r></a:p></p:txBody></p:sp>"
        )
    };
    let band = "<p:sp><p:nvSpPr/><p:spPr><a:xfrm><a:off x='0' y='1371600'/><a:ext cx='3657600' cy='457200'/></a:xfrm>\
        <a:prstGeom prst='rect'/><a:solidFill><a:schemeClr val='accent1'><a:lumMod val='50000'/></a:schemeClr></a:solidFill>\
        </p:spPr></p:sp>";
    let own = format!("{prologue}<p:sld {NAMES}>{}</p:sld>", tree(shapes));
    let place = "<a:xfrm><a:off x='914400' y='457200'/><a:ext cx='1828800' cy='457200'/></a:xfrm>";
    let layout = format!("<p:sldLayout {NAMES}>{}</p:sldLayout>", tree(&title(place)));
    let master = format!(
        "<p:sldMaster {NAMES}><p:cSld><p:bg><p:bgPr><a:solidFill><a:schemeClr val='bg1'/></a:solidFill></p:bgPr></p:bg>\
         <p:spTree>{}{band}</p:spTree></p:cSld><p:clrMap bg1='dk1' tx1='lt1'/><p:txStyles><p:titleStyle><a:lvl1pPr>\
         <a:defRPr sz='2000'><a:solidFill><a:schemeClr val='tx1'/></a:solidFill></a:defRPr></a:lvl1pPr></p:titleStyle></p:txStyles>\
         </p:sldMaster>",
        title("")
    );
    let theme = format!(
        "<a:theme {NAMES}><a:themeElements><a:clrScheme><a:dk1><a:srgbClr val='203040'/></a:dk1><a:lt1><a:srgbClr val='FFFF00'/>\
         </a:lt1><a:accent1><a:srgbClr val='FF0000'/></a:accent1></a:clrScheme></a:themeElements></a:theme>"
    );
    let presentation = format!(
        "<p:presentation {NAMES}><p:sldIdLst><p:sldId id='256' r:id='s'/></p:sldIdLst>{size}</p:presentation>"
    );
    let drawing = format!(
        "<dsp:drawing {NAMES}><dsp:spTree><dsp:sp><dsp:nvSpPr/><dsp:spPr><a:xfrm><a:off x='0' y='0'/><a:ext cx='914400' \
         cy='457200'/></a:xfrm></dsp:spPr><dsp:txBody><a:bodyPr/><a:p><a:r><a:rPr sz='800'/><a:t>Kept</a:t></a:r></a:p>\
         </dsp:txBody></dsp:sp></dsp:spTree></dsp:drawing>"
    );
    zip_of(&[
        ("ppt/presentation.xml", presentation.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", relations(&[("s", "slide", "slides/slide1.xml")]).as_bytes()),
        ("ppt/slides/slide1.xml", own.as_bytes()),
        (
            "ppt/slides/_rels/slide1.xml.rels",
            relations(&[
                ("l", "slideLayout", "../l.xml"),
                ("web", "hyperlink", "https://harbour.example/plan' TargetMode='External"),
                ("odd", "hyperlink", "file:///etc/passwd' TargetMode='External"),
                ("png", "image", "../a.png"),
                ("emf", "image", "../b.emf"),
                ("data", "diagramData", "../data.xml"),
                ("kept", "diagramDrawing", "../drawing.xml"),
            ])
            .as_bytes(),
        ),
        ("ppt/l.xml", layout.as_bytes()),
        ("ppt/_rels/l.xml.rels", relations(&[("m", "slideMaster", "m.xml")]).as_bytes()),
        ("ppt/m.xml", master.as_bytes()),
        ("ppt/_rels/m.xml.rels", relations(&[("t", "theme", "t.xml")]).as_bytes()),
        ("ppt/t.xml", theme.as_bytes()),
        ("ppt/a.png", &encoded(image::ImageFormat::Png)),
        ("ppt/b.emf", b"no picture"),
        (
            "ppt/data.xml",
            format!("<dgm:dataModel {NAMES}><dsp:dataModelExt relId='kept'/></dgm:dataModel>").as_bytes(),
        ),
        ("ppt/drawing.xml", drawing.as_bytes()),
    ])
}

const TITLE: &str = "<p:sp><p:nvSpPr><p:nvPr><p:ph type='title'/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>\
    <a:p><a:r><a:t>Harbour</a:t></a:r></a:p></p:txBody></p:sp>";

/// A frame with something in it, one inch from the left.
fn frame(inner: &str) -> String {
    format!(
        "<p:graphicFrame><p:nvGraphicFramePr/><p:xfrm><a:off x='914400' y='914400'/><a:ext cx='914400' cy='457200'/></p:xfrm>\
         <a:graphic><a:graphicData>{inner}</a:graphicData></a:graphic></p:graphicFrame>"
    )
}

#[test]
fn what_a_slide_does_not_say_its_layout_master_and_theme_do() {
    let desk = Desk::new();
    desk.put("a.pptx", deck(TITLE));

    let (report, pdf) = desk.converted("a.pptx", Format::Pdf);

    assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{report:?}");
    // The place is the layout's, the margin the master's, and prompts are nowhere.
    let (x, y) = place(&pdf, 1, "Harbour");
    assert!((72.0..74.0).contains(&x) && (50.0..62.0).contains(&y), "{x} {y}");
    assert!(!pdf_text(&pdf).contains("Prompt"));
    let page = painted(&desk, "a.pptx", 1);
    assert_eq!(page.dimensions(), (288, 144));
    assert!(near(color(&page, 0.1, 0.1), [0x20, 0x30, 0x40]), "what is light is the theme's dark");
    assert!(near(color(&page, 2.0, 1.8), [0x80, 0, 0]), "half as bright: {:?}", color(&page, 2.0, 1.8));
    let yellow = |pixel: &Rgb<u8>| pixel.0[0] > 200 && pixel.0[1] > 200 && pixel.0[2] < 90;
    assert!(page.pixels().any(yellow), "the title has the colour of the master's titles");
}

#[test]
fn what_is_not_drawn_is_said() {
    let picture = |id: &str| {
        format!(
            "<p:pic><p:nvPicPr/><p:blipFill><a:blip r:embed='{id}'/></p:blipFill><p:spPr><a:xfrm><a:off x='0' y='0'/>\
             <a:ext cx='914400' cy='457200'/></a:xfrm></p:spPr></p:pic>"
        )
    };
    let film = "<p:pic><p:nvPicPr><p:nvPr><a:videoFile r:link='out'/></p:nvPr></p:nvPicPr><p:blipFill>\
        <a:blip r:embed='png'/></p:blipFill><p:spPr><a:xfrm><a:off x='0' y='0'/><a:ext cx='9' cy='9'/></a:xfrm></p:spPr></p:pic>";
    let hidden = "<p:sp><p:nvSpPr><p:cNvPr id='1' hidden='1'/></p:nvSpPr></p:sp>";
    let shapes = [
        TITLE.to_owned(),
        frame("<c:chart r:id='x'/>"),
        frame("<dgm:relIds r:dm='nothing'/>"),
        frame("<p:oleObj/>"),
        picture("out"),
        picture("emf"),
        film.to_owned(),
        hidden.to_owned(),
    ];
    let desk = Desk::new();
    desk.put("a.pptx", deck(&shapes.concat()));
    desk.put("kept.pptx", deck(&frame("<dgm:relIds r:dm='data'/>")));

    let report: Report = desk.convert("a.pptx", Format::Pdf).unwrap();

    let lost = [
        "charts of the slides are not drawn (1)",
        "SmartArt diagrams of the slides are not drawn (1)",
        "sounds and films of the slides are left out (1)",
        "objects of other programs on the slides are not drawn (1)",
        "linked pictures, or of a kind that is not read, are not drawn (2)",
    ];
    assert_eq!(report.lost, lost, "{report:?}");
    assert!(report.degraded && report.recall == Some(1.0));
    assert_eq!(report.warnings, ["hidden shapes of the slides are left out (1)"]);
    // A picture says the same.
    assert_eq!(desk.convert("a.pptx", Format::Webp).unwrap().lost, lost);
    // A drawing that a program keeps of a SmartArt is drawn.
    let (report, pdf) = desk.converted("kept.pptx", Format::Pdf);
    let (x, _) = place(&pdf, 1, "Kept");
    assert!(!report.degraded && (78.0..81.0).contains(&x), "{x} {report:?}");
}

#[test]
fn links_lead_to_where_they_did_unless_that_is_no_place_of_the_net() {
    let run = |id: &str| format!("<a:r><a:rPr><a:hlinkClick r:id='{id}'/></a:rPr><a:t>{id}</a:t></a:r>");
    let desk = Desk::new();
    let runs = run("web") + &run("odd");
    desk.put("a.pptx", deck(&TITLE.replace("</a:p>", &format!("{runs}</a:p>"))));

    let (report, pdf) = desk.converted("a.pptx", Format::Pdf);

    assert!(!report.degraded, "{report:?}");
    let document = Document::load_mem(&pdf).unwrap();
    let url = |object: &pdf_extract::Object| {
        let action = object.as_dict().ok()?.get(b"A").ok()?.as_dict().ok()?;
        Some(String::from_utf8(action.get(b"URI").ok()?.as_str().ok()?.to_vec()).unwrap())
    };
    let urls: Vec<String> = document.objects.values().filter_map(url).collect();
    assert_eq!(urls, ["https://harbour.example/plan"]);
}

#[test]
fn a_picture_on_many_shapes_is_in_the_file_once() {
    let picture = "<p:pic><p:nvPicPr/><p:blipFill><a:blip r:embed='png'/></p:blipFill><p:spPr><a:xfrm><a:off x='0' y='0'/>\
        <a:ext cx='914400' cy='457200'/></a:xfrm></p:spPr></p:pic>";
    let desk = Desk::new();
    desk.put("a.pptx", deck(&picture.repeat(8)));

    let (report, pdf) = desk.converted("a.pptx", Format::Pdf);

    assert!(!report.degraded, "{report:?}");
    let document = Document::load_mem(&pdf).unwrap();
    let streams = document.objects.values().filter_map(|object| object.as_stream().ok());
    let wide = |stream: &&pdf_extract::Stream| {
        stream.dict.get(b"Width").and_then(|side| side.as_i64()).is_ok_and(|side| side == 40)
    };
    // One for the colours, and one for what is transparent of it.
    assert_eq!(streams.filter(wide).count(), 2);
    let page = painted(&desk, "a.pptx", 1);
    assert!(near(color(&page, 0.4, 0.3), [200, 0, 0]) && near(color(&page, 0.02, 0.02), [0x20, 0x30, 0x40]));
}

#[test]
fn slides_that_are_too_much_or_broken_are_refused() {
    let refused = |bytes: Vec<u8>| -> Error {
        let desk = Desk::new();
        desk.put("a.pptx", bytes);
        desk.convert("a.pptx", Format::Pdf).unwrap_err()
    };
    let groups = format!("{}{}", "<p:grpSp>".repeat(400), "</p:grpSp>".repeat(400));
    assert_eq!(refused(deck(&groups)).code(), "limit_exceeded");
    let ids = format!("<p:sldIdLst>{}</p:sldIdLst>", "<p:sldId r:id='s'/>".repeat(2_001));
    let many =
        zip_of(&[("ppt/presentation.xml", format!("<p:p xmlns:p='p' xmlns:r='r'>{ids}</p:p>").as_bytes())]);
    assert_eq!(refused(many).code(), "limit_exceeded");
    assert_eq!(refused(deck("<p:sp></p:pic>")).code(), "corrupt");
    let entities = "<!DOCTYPE p [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>";
    assert_eq!(refused(deck_with("<a>&x;</a>", entities, "")).code(), "corrupt");
    let cells = "<a:tc/>".repeat(1_000);
    let rows = format!("<a:tr h='1'>{cells}</a:tr>").repeat(101);
    let table = format!("<a:tbl><a:tblGrid>{}</a:tblGrid>{rows}</a:tbl>", "<a:gridCol w='1'/>".repeat(1_000));
    assert_eq!(refused(deck(&frame(&table))).code(), "limit_exceeded");
}

/// Whatever the numbers are, there is a page.
#[test]
fn absurd_numbers_make_no_absurd_pages() {
    const NUMBERS: [&str; 9] =
        ["1e400", "NaN", "-0", "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "914400"];
    let shapes = ["rect", "ellipse", "arc", "cloud", "line", "bentConnector3", "star5", "none"];
    let desk = Desk::new();
    for round in 0..24 {
        // Each round begins elsewhere and goes on in steps of its own.
        let mut at = round;
        let mut n = || {
            at += 1 + round / NUMBERS.len();
            NUMBERS[at % NUMBERS.len()]
        };
        let shape = format!(
            "<p:sp><p:nvSpPr/><p:spPr><a:xfrm rot='{}' flipH='1'><a:off x='{}' y='{}'/><a:ext cx='{}' cy='{}'/></a:xfrm>\
             <a:prstGeom prst='{}'><a:avLst><a:gd name='adj' fmla='val {}'/></a:avLst></a:prstGeom><a:gradFill><a:gsLst>\
             <a:gs pos='{}'><a:srgbClr val='FF0000'><a:alpha val='{}'/></a:srgbClr></a:gs></a:gsLst><a:lin ang='{}'/></a:gradFill>\
             <a:ln w='{}'><a:solidFill><a:srgbClr val='00FF00'/></a:solidFill><a:prstDash val='dash'/></a:ln></p:spPr>\
             <p:txBody><a:bodyPr lIns='{}' numCol='{}'><a:normAutofit fontScale='{}'/></a:bodyPr><a:p><a:pPr lvl='{}' marL='{}'>\
             <a:lnSpc><a:spcPct val='{}'/></a:lnSpc><a:buAutoNum type='romanUcPeriod' startAt='{}'/></a:pPr><a:r><a:rPr sz='{}'/>\
             <a:t>words</a:t></a:r></a:p></p:txBody></p:sp>",
            n(),
            n(),
            n(),
            n(),
            n(),
            shapes[round % 8],
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
            n(),
        );
        let table = format!(
            "<a:tbl><a:tblGrid><a:gridCol w='{}'/></a:tblGrid><a:tr h='{}'><a:tc gridSpan='{}' rowSpan='{}'/></a:tr></a:tbl>",
            n(),
            n(),
            n(),
            n(),
        );
        let size = format!("<p:sldSz cx='{}' cy='{}'/>", n(), n());
        desk.put("a.pptx", deck_with(&(shape + &frame(&table)), "", &size));

        match desk.convert("a.pptx", Format::Pdf) {
            Ok(report) => assert_eq!(report.pages, Some(1), "round {round}"),
            Err(error) => assert!(error.is_input(), "round {round}: {error}"),
        }
    }
}
