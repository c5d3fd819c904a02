/// Characters that look like Latin letters: those of Unicode's confusables (UTS 39) that fonts draw like one letter or
/// digit of ASCII, in the scripts that systems have fonts for. Letters with strokes and accents of their own are not
/// among them.
enum Lookalikes {
    /// The ASCII letter or digit that a character looks like, else the character itself.
    static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.isASCII { return scalar }
        let scalar = base(scalar)
        for (range, first) in ranges where range.contains(scalar.value) {
            return Unicode.Scalar(first.value + scalar.value - range.lowerBound) ?? scalar
        }
        if let known = letters[scalar] { return known }
        // A ring looks the same in every script.
        return scalar.properties.numericType == .decimal && scalar.properties.numericValue == 0 ? "0" : scalar
    }

    /// The plain letter of one that Unicode repeats in another style.
    private static func base(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        let value = scalar.value
        let found: UInt32 =
            switch value {
            // Mathematical letters, in one style after the other: A to Z and a to z.
            case 0x1D400...0x1D6A3:
                (value - 0x1D400) % 52 < 26 ? 0x41 + (value - 0x1D400) % 52 : 0x47 + (value - 0x1D400) % 52
            // The same for Greek: its capitals, a nabla, its small letters, and six symbols.
            case 0x1D6A8...0x1D7C9: greek((value - 0x1D6A8) % 58) ?? value
            // Small Cherokee letters look like the capitals.
            case 0xAB70...0xABBF: value - 0xAB70 + 0x13A0
            case 0x13F8...0x13FD: value - 0x13F8 + 0x13F0
            default: value
            }
        return Unicode.Scalar(found) ?? scalar
    }

    private static func greek(_ place: UInt32) -> UInt32? {
        switch place {
        case 0..<25: 0x391 + place
        case 26..<51: 0x3B1 + place - 26
        default: nil
        }
    }

    /// Ranges of characters that stand for a range of ASCII: full-width forms, letters in circles, squares and
    /// parentheses, flags.
    private static let ranges: [(ClosedRange<UInt32>, Unicode.Scalar)] = [
        (0xFF01...0xFF5E, "!"), (0x249C...0x24B5, "a"), (0x24B6...0x24CF, "A"), (0x24D0...0x24E9, "a"),
        (0x1D7CE...0x1D7D7, "0"), (0x1D7D8...0x1D7E1, "0"), (0x1D7E2...0x1D7EB, "0"), (0x1D7EC...0x1D7F5, "0"),
        (0x1D7F6...0x1D7FF, "0"), (0x1FBF0...0x1FBF9, "0"), (0x2080...0x2089, "0"), (0x2460...0x2468, "1"),
        (0x1F110...0x1F129, "A"), (0x1F130...0x1F149, "A"), (0x1F150...0x1F169, "A"), (0x1F170...0x1F189, "A"),
        (0x1F1E6...0x1F1FF, "A"),
    ]

    private static let letters: [Unicode.Scalar: Unicode.Scalar] = {
        var found: [Unicode.Scalar: Unicode.Scalar] = [:]
        for (like, plain) in pairs {
            for (one, other) in zip(like.unicodeScalars, plain.unicodeScalars) { found[one] = other }
        }
        return found
    }()

    private static let pairs: [(String, String)] = [
        // Latin letters of other alphabets.
        ("ıȷɑɡɢɩɪɾʋʏſƅƖƦǀɣɯʟʀ×", "ijaggiiruyfblRlywlrx"), ("ꜱꞟꬲꬵꬽꭇꭈꭎꭒꭚꞘꞙꞲꞳꞴƷƼƽȜȢȣ", "suefOrruuyFfJXB35s388"),
        // Cyrillic.
        ("авекмнорстухіјѕԁԛԝһӏ", "abekmhopctyxijsdqwhl"), ("гзьѡѵүҽӡԍꙇ", "r3bwvye3gi"),
        // Armenian.
        ("հոռսքօցգզաՍՏՕ", "hnnufogqqwUSO"),
        // Greek, small and capital letters.
        ("αβγεηικνορτυχωϲϳϱµμ", "abyenikvoptuxwcjpuu"), ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϜϺϹͿϒ", "ABEZHIKMNOPTYXFMCJY"),
        // Coptic.
        ("ⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭⲅⳑ", "hikmnopctyxrl"),
        // Small capitals.
        ("ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ", "abcdeghijklmnoprtuvwyz"),
        // Superscript and subscript letters and digits.
        ("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻªº", "abcdefghijklmnoprstuvwxyzao"),
        ("ᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁᵂⱽꟲꟳꟴ", "ABDEGHIJKLMNOPRTUWVCFQ"), ("ₐₑₒₓₕₖₗₘₙₚₛₜⱼᵢᵣᵤᵥ", "aeoxhklmnpstjiruv"),
        ("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"),
        // Roman numerals of one letter.
        ("ⅰⅴⅹⅼⅽⅾⅿ", "ivxlcdm"), ("ⅠⅤⅩⅬⅭⅮⅯ", "IVXLCDM"),
        // Letters that are symbols.
        ("ℂℍℕℙℚℝℤⅅⅆⅇⅈⅉ", "CHNPQRZDdeij"), ("ℊℋℐℒℓℛℬℯℰℱℳℴℎℹ℮", "gHILlRBeEFMohie"), ("ℌℑℜℨℭK", "HIRZCK"),
        ("∨∪⊤⍳⍴⍺╳〇", "vUTipaXO"),
        // Cherokee.
        ("ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏮᏳᏴ", "DRTiYAJEWMHYGhZ4bRWSVSLCPKd6GB"),
        // Lisu.
        ("ꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "BPdDTGKJCZFMNLSRVHWXYAEIOU"),
        // Canadian syllabics, Runes, Tifinagh.
        ("ᐯᑌᑭᑯᑲᒍᒪᒿᕁᕼᕽᖇᖯᖴᗅᗞᗪᗰᗷ᙭", "VUPdbJL2xHxRbFADDMBX"), ("ᚷᛁᛕᛖ", "XIKM"), ("ⴸⴹⵏⵔⵕⵝ", "VEIOQX"),
        // Rings and bows of other scripts.
        ("ഠଠဝዐሀყჿ۱۵۷৪৭੧੪୨൭", "oooOUyolov899899"),
        // Old alphabets: Lycian, Carian, Old Italic, Deseret, Osage, Elbasan.
        ("𐊂𐊆𐊇𐊊𐊐𐊒𐊕𐊖𐊗", "BEFIXOPST"), ("𐊠𐊡𐊢𐊥𐊫𐊰𐊱𐊲𐊴𐋏", "ABCFOMTYXH"), ("𐌁𐌂𐌉𐌑𐌕𐌗", "BCIMTX"),
        ("𐐄𐐕𐐛𐐠𐐬𐐽𐑈", "OCLSocs"), ("𐒴𐓂𐓎𐓪𐓶", "ROUou"), ("𐔓𐔖𐔘𐔜𐔝𐔥𐔦𐔧", "NOKCVFLX"),
    ]
}
