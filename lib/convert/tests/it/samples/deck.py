"""How deck.pptx was made: `python deck.py deck.pptx`, with python-pptx 1.0.2 and its default template."""

import io
import sys

from lxml import etree
from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Inches, Pt

deck = Presentation()
layouts = deck.slide_layouts
# The presentation uses four of the layouts; the others only take room.
for at in (10, 9, 8, 7, 4, 2):
    layouts.remove(layouts[at])
TITLE, LIST, TWO, HEADING, EMPTY = (layouts[at] for at in range(5))


def slide(layout, title=None):
    made = deck.slides.add_slide(layout)
    if title:
        made.shapes.title.text = title
    return made


def box(on, x, y, wide, high, text):
    made = on.shapes.add_textbox(Inches(x), Inches(y), Inches(wide), Inches(high))
    made.text_frame.word_wrap = True
    made.text_frame.text = text
    return made


# 1: what placeholders inherit.
made = slide(TITLE, "Harbour report")
made.placeholders[1].text = "Spring and summer, as the committee saw it"

# 2: a list with levels, and runs of many looks.
made = slide(LIST, "What was agreed")
frame = made.placeholders[1].text_frame
frame.text = "Boats are painted before the summer, all of them and not only those that somebody complains about"
for level, text in [(1, "nets & ropes"), (2, "ropes first"), (0, "The quay stays open")]:
    paragraph = frame.add_paragraph()
    paragraph.text, paragraph.level = text, level
paragraph = frame.add_paragraph()
for text, look in [("plain ", None), ("bold ", "bold"), ("italic ", "italic"), ("under", "underline"), (" and red", None)]:
    run = paragraph.add_run()
    run.text = text
    if look:
        setattr(run.font, look, True)
run.font.color.rgb = RGBColor(0xC0, 0, 0)

# 3: shapes.
made = slide(HEADING, "Shapes")


def shape(kind, x, y, wide, high, text="", color=None):
    drawn = made.shapes.add_shape(kind, Inches(x), Inches(y), Inches(wide), Inches(high))
    drawn.text_frame.text = text
    if color:
        drawn.fill.solid()
        drawn.fill.fore_color.rgb = RGBColor.from_string(color)
    return drawn


pale = shape(MSO_SHAPE.ROUNDED_RECTANGLE, 3, 2, 2, 1, "rounded", "000000")
pale.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_2
pale.fill.fore_color.brightness = 0.4
ellipse = shape(MSO_SHAPE.OVAL, 5.5, 2, 2, 1, "ellipse", "008000")
ellipse.line.color.rgb, ellipse.line.width = RGBColor(0, 0, 0), Pt(3)
shape(MSO_SHAPE.RECTANGLE, 0.5, 2, 2, 1, "rectangle", "204080")
shape(MSO_SHAPE.CHEVRON, 8, 2, 1.5, 1).rotation = 30
shape(MSO_SHAPE.RECTANGLE, 1, 4, 2, 0.5, "turned", "808000").rotation = 90
line = made.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, Inches(5.5), Inches(4), Inches(7.5), Inches(5))
line.line.width = Pt(2)
outline = line.line._get_or_add_ln()
outline.append(outline.makeelement("{http://schemas.openxmlformats.org/drawingml/2006/main}tailEnd", {"type": "triangle"}))
group = made.shapes.add_group_shape()
for at, text in enumerate(["one", "other"]):
    inner = group.shapes.add_shape(MSO_SHAPE.RECTANGLE, Inches(1 + 2 * at), Inches(1), Inches(2), Inches(1))
    inner.text_frame.text = text
    inner.fill.solid()
    inner.fill.fore_color.rgb = RGBColor(200 * at, 100, 0)
group.left, group.top, group.width, group.height = Inches(6), Inches(6), Inches(3), Inches(1)
right = box(made, 3.5, 3.5, 1.8, 1, "wrapped where it ends, and right aligned")
right.text_frame.paragraphs[0].alignment = PP_ALIGN.RIGHT
bottom = box(made, 3.5, 5.5, 2, 1.5, "bottom")
bottom.text_frame.vertical_anchor = MSO_ANCHOR.BOTTOM

# 4: a table with a style that the file only names.
made = slide(HEADING, "Table")
table = made.shapes.add_table(4, 3, Inches(0.5), Inches(2), Inches(6), Inches(2)).table
rows = [("Item", "Price", "Note"), ("Tea", "12.50", "keeps well and is drunk by nearly everybody here"),
        ("Coffee", "7.00", ""), ("All", "19.50", "")]
for row, texts in enumerate(rows):
    for column, text in enumerate(texts):
        table.cell(row, column).text = text
table.cell(2, 1).merge(table.cell(2, 2))
table.cell(3, 0).fill.solid()
table.cell(3, 0).fill.fore_color.rgb = RGBColor(255, 220, 100)

# 5: pictures, whole and cut, on a background of its own.
made = slide(EMPTY)
picture = Image.new("RGB", (80, 40), (200, 0, 0))
picture.paste((0, 0, 200), (40, 0, 80, 40))
png = io.BytesIO()
picture.save(png, "PNG")
for x, cut in [(0.5, 0), (5, 0.5)]:
    png.seek(0)
    made.shapes.add_picture(png, Inches(x), Inches(0.5), Inches(4), Inches(2)).crop_left = cut
made.background.fill.solid()
made.background.fill.fore_color.rgb = RGBColor(0xDD, 0xEE, 0xFF)

# 6: numbers, columns, what is made smaller, what has an outline of its own.
made = slide(EMPTY)
NAMES = ('xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
         'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"')


def written(x, y, wide, high, body, paragraphs, geometry='<a:prstGeom prst="rect"/>'):
    made.shapes._spTree.append(etree.fromstring(
        f'<p:sp {NAMES}><p:nvSpPr><p:cNvPr id="9" name="x"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm>'
        f'<a:off x="{Inches(x)}" y="{Inches(y)}"/><a:ext cx="{Inches(wide)}" cy="{Inches(high)}"/></a:xfrm>{geometry}'
        f'<a:solidFill><a:srgbClr val="EEEEEE"/></a:solidFill></p:spPr><p:txBody>{body}<a:lstStyle/>{paragraphs}</p:txBody></p:sp>'))


def said(text, look=""):
    return f'<a:p>{look}<a:r><a:rPr sz="1600"/><a:t>{text}</a:t></a:r></a:p>'


def numbered(kind, level=0):
    return f'<a:pPr lvl="{level}" marL="{342900 * (level + 1)}" indent="-342900"><a:buAutoNum type="{kind}"/></a:pPr>'


written(0.5, 0.5, 4, 2, "<a:bodyPr/>", said("first", numbered("arabicPeriod")) + said("second", numbered("arabicPeriod"))
        + said("within", numbered("alphaLcParenR", 1)) + said("third", numbered("arabicPeriod")))
written(5, 0.5, 4.5, 2, '<a:bodyPr numCol="2" spcCol="180000"/>',
        said("The committee met in spring and agreed on the plan for the harbour. " * 3, '<a:pPr algn="just"/>'))
written(0.5, 3, 4, 1, '<a:bodyPr><a:normAutofit/></a:bodyPr>', said("There is more to say than there is room for it here. " * 8))
written(5, 3, 2, 1, "<a:bodyPr/>", "", '<a:custGeom><a:pathLst><a:path w="2" h="2"><a:moveTo><a:pt x="0" y="2"/></a:moveTo>'
        '<a:lnTo><a:pt x="1" y="0"/></a:lnTo><a:lnTo><a:pt x="2" y="2"/></a:lnTo><a:close/></a:path></a:pathLst></a:custGeom>')
written(8, 3, 1, 2, '<a:bodyPr vert="vert270" anchor="ctr"/>', said("Upwards"))

# 7: not shown.
made = slide(HEADING, "Nobody sees this")
made._element.set("show", "0")

deck.save(sys.argv[1])
