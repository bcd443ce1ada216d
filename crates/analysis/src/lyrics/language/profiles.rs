//! Function words, typical letter groups and letters of languages in Latin script; own selection.

/// What gives a language away.
pub(super) struct Profile {
    /// ISO 639-1 code.
    pub code: &'static str,
    /// Frequent small words, lower case.
    pub words: &'static str,
    /// What stands on either side of an apostrophe.
    pub clitics: &'static str,
    /// Letter groups frequent here and rare elsewhere.
    pub groups: &'static str,
    /// Letters hardly used elsewhere.
    pub letters: &'static str,
}

pub(super) const PROFILES: [Profile; 12] = [
    Profile {
        code: "en",
        words: "the and you i to of it that in is my me your we be this for with not on but have \
            what are all was do don't it's i'm can't won't ain't just so when they he she his her \
            from at if will would there them been who how where why our out up now know like got \
            get never gonna wanna 'cause no if by as an one love time am had has could their down \
            into only here can't let make take back yeah cause ya y'all i've i'll you're",
        clitics: "t s m re ll ve d",
        groups: "th wh gh ing ough tion'",
        letters: "",
    },
    Profile {
        code: "fr",
        words: "le la les de des du et je tu il elle on nous vous ils un une est pas ne que qui \
            dans pour sur avec mais plus mon ma mes ton ta tes son sa ses ce cette ces au aux me \
            te se moi toi lui leur suis es sont ai as où quand comme si tout \
            tous rien jamais toujours sans y en même encore parce être fait faire c'est j'ai n'est \
            d'un d'une qu'on bien chez vers sous peut veux",
        clitics: "j l d c n s t m qu",
        groups: "eau oi ais ait eux oux que euil tte",
        letters: "œùêîûëèçâ",
    },
    Profile {
        code: "de",
        words: "der die das und ich du er sie es wir ihr nicht ein eine einen einem einer ist bin \
            bist sind war mit von zu zum zur im in am auf für den dem des dass wenn wie was wo wer \
            aber nur noch so auch mich dich mir dir uns euch mein meine dein deine sein kein keine \
            hab habe hat haben wird werden kann will nach bei aus über durch schon mehr immer nie \
            hier da doch denn weil nichts alles vor als oder ihn wieder",
        clitics: "",
        groups: "sch cht ung ich ein tz pf",
        letters: "ßäü",
    },
    Profile {
        code: "es",
        words: "el la los las de del y que yo tú tu él ella nosotros un una es no en por para con \
            mi mis me te se lo le su sus al pero más como cuando donde si está estoy eres soy ser \
            hay todo toda nada nunca siempre sin ya muy este esta eso esa aquí porque qué quién \
            cómo tengo tiene quiero voy vamos ni nos les fue ha he has sobre entre hasta desde \
            también otra vez",
        clitics: "",
        groups: "ción ll ñ ue ado ando iendo",
        letters: "ñ¿¡",
    },
    Profile {
        code: "it",
        words: "il lo la i gli le di del della dei delle e che io tu lui lei noi voi un una è non \
            in per con su da dal dalla nel nella sul sulla mi ti si ci vi mio mia miei tuo tua suo \
            sua ma più come quando dove se sono sei siamo ho hai ha questo questa quello tutto \
            tutti niente mai sempre senza già perché cosa chi anche ancora poi così solo al alla \
            ai c'è o fra tra lo qui nessuno era",
        clitics: "l d c un all dell nell dall quest",
        groups: "zione gli cch ggi tto zz cchi sci gn ess",
        letters: "ìò",
    },
    Profile {
        code: "pt",
        words: "o a os as de do da dos das e que eu tu você ele ela nós um uma é não em no na nos \
            nas por para com meu minha seu sua teu tua me te se lhe mas mais como quando onde já \
            está estou és sou ser há tudo nada nunca sempre sem muito este esta isso aqui porque \
            quem tenho tem quero vou vamos foi são ao à pelo pela até também só ainda num numa \
            ninguém eles depois vem",
        clitics: "",
        groups: "ção ções lh nh ão ões ei ou",
        letters: "ãõçâê",
    },
    Profile {
        code: "pl",
        words: "i w z na do nie to że się jest jak ja ty on ona my wy oni ale co tak po za o od ze \
            dla mnie mi ci cię ciebie moje mój moja twój twoja tego tej ten ta te już tylko gdy \
            kiedy gdzie kto bez przez być był była są jestem jesteś mam masz ma wszystko nic nigdy \
            zawsze jeszcze bo więc lub czy sobie nas was ich jego jej by aż który która które którego \
            której których oraz także też żeby aby niż choć ani albo przed przy pod nad między będzie będę \
            będą było byli bardzo może można trzeba teraz znów dziś tam tutaj tym tych tak taki taka \
            takie jaki jaka jakie nam wam nim niej nich mną tobą sobą swój swoje swoją swego niech \
            jeśli jeżeli gdyby dlaczego kogo czego czym nawet prawie sam sama lecz wśród",
        clitics: "",
        groups: "sz cz rz prz dz ch ie wsz",
        letters: "łąęśżźćń",
    },
    Profile {
        code: "nl",
        words: "de het een en ik jij je hij zij wij van niet is dat die in op te met voor maar als \
            dan mijn jouw zijn haar ons aan er om ook nog naar wat wie waar hoe geen kan wil weet \
            heb heeft ben bent was door uit over bij zo mij jou nooit altijd alles niets meer \
            weer",
        clitics: "",
        groups: "ij oe aa sch eer cht oor",
        letters: "",
    },
    Profile {
        code: "sv",
        words: "och jag du han hon vi ni det den en ett är inte på i att som för med av till om \
            men mig dig min din sin ditt mitt när var vad hur har kan vill ska från här där så nu \
            bara aldrig alltid ingen allt mer oss dem eller",
        clitics: "",
        groups: "ck ör ött lig het ägg",
        letters: "åäö",
    },
    Profile {
        code: "ro",
        words: "și în de la cu pe nu un o este sunt eu tu el ea noi voi că să mă te se mi ți ce \
            când unde cum dar mai din pentru ai are am fi fost tot nimic doar acum aici niciodată \
            mereu fără a al lui",
        clitics: "",
        groups: "ul ui ea ilor ește",
        letters: "șțăţş",
    },
    Profile {
        code: "tr",
        words: "ve bir bu ben sen o biz siz için ile de da ne gibi çok var yok ama mi mı değil her \
            şey kadar daha hiç beni seni bana sana benim senin nasıl neden bile gel olsun olur \
            oldu",
        clitics: "",
        groups: "lar ler yor dım ım ın ün",
        letters: "ışğ",
    },
    Profile {
        code: "cs",
        words: "a v je se na že to jsem jsi ne ten ta já ty on ona my jak co kde když ale už jen \
            tak do od pro po za jako mě tě mi ti můj tvůj všechno nic nikdy být byl byla není bez \
            ještě proč kdo",
        clitics: "",
        groups: "ch ou ost ství",
        letters: "řěůčš",
    },
];
