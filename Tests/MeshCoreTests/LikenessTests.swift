import Testing

@testable import MeshCore

/// What readers take for one name.
@Suite struct LikenessTests {
    @Test(arguments: [
        // Digits and letters of one form, two letters as one, cases, spaces.
        ("alice", "a1ice aIice ALICE al\u{A0}ice AL1CE"), ("bob", "b0b BOB bO\u{200B}b"),
        ("mallory", "rnallory MAL10RY"),
        ("worker", "vvorker"),
        // Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic, Georgian.
        ("peace", "реасе РЕАСЕ"), ("hope", "һоре"), ("boy", "Ьоу"), ("zoe", "ΖΟΕ Ζοε"), ("kim", "κιm"),
        ("yoyo", "γογο ყჿყჿ"),
        ("noun", "ոօսռ"), ("lake", "ᏞᎪᏦᎬ ꮮꭺꮶꭼ"), ("dave", "ꓓꓮꓦꓰ"), ("cop", "ⲥⲟⲣ"),
        // Full-width, mathematical and Greek mathematical letters, circles, squares, flags, raised and lowered letters.
        ("admin", "ａｄｍｉｎ 𝐚𝐝𝐦𝐢𝐧 𝒂𝒅𝒎𝒊𝒏 𝔞𝔡𝔪𝔦𝔫 𝕒𝕕𝕞𝕚𝕟 𝚊𝚍𝚖𝚒𝚗 ⓐⓓⓜⓘⓝ ⒜⒟⒨⒤⒩ 🄰🄳🄼🄸🄽 🅐🅓🅜🅘🅝 🅰🅳🅼🅸🅽 🇦🇩🇲🇮🇳 ᵃᵈᵐⁱⁿ ᴬᴰᴹᴵᴺ ᴀᴅᴍɪɴ"),
        ("oak", "𝛐𝛂𝛋 𝝤𝝖𝝟"), ("relic", "ℛℯℓⅈℭ"), ("team7", "team𝟕 team𝟟 team🯷 team⁷ team₇"), ("r0", "r𝟎 r๐ r० r۵"),
        // Marks of any script on Latin letters.
        ("mesh", "me\u{338}sh m\u{20DD}esh mes\u{1AB0}h mesh\u{FE20} mesh\u{488}"),
    ])
    func `what looks like a name is it`(_ name: String, _ others: String) {
        for other in others.split(separator: " ") {
            #expect(Labels.likeness(String(other)) == Labels.likeness(name), "\(other)")
        }
    }

    @Test(arguments: [
        ("jose", "josé"), ("anna", "anne"), ("маша", "миша"), ("नमन", "नमिन"), ("太郎", "太朗"), ("bob", "bøb"),
        ("lan", "lạn"),
    ])
    func `what reads as another name is another`(_ name: String, _ other: String) {
        #expect(Labels.likeness(name) != Labels.likeness(other))
    }
}
