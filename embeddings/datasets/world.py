"""A toy world: sentences of a small probabilistic grammar, with everything that was planted in it."""

import dataclasses
import re

import numpy as np

from embeddings.checks import check_choice, check_integer


@dataclasses.dataclass(frozen=True)
class ToyWorld:
    """Sentences, and the structure that the grammar planted in them.

    Attributes
    ----------
    sentences : list of str
    tokens : list of list of str
        The same, cut into lower-case words as the grammar knows them.
    topics : list of str
        What each sentence is about.
    synonyms : list of (str, str)
        Words that the grammar uses alike.
    categories : dict of str to list of str
        Words of a kind.
    analogies : list of (str, str, str, str)
        a is to b as c is to d: by gender, and by capital.
    """

    sentences: list
    tokens: list
    topics: list
    synonyms: list
    categories: dict
    analogies: list


# A grammar has tables and, for each topic, templates. "hunter.a" stands for column a of a row of the table "hunter",
# drawn once in a sentence, so that two columns of a table agree; "country2.capital" is another row than
# "country.capital". A word may be several tokens, with spaces between them.

ENGLISH = {
    "joiner": " ",
    "columns": {
        "feline": ["cat", "kitten"],
        "canine": ["dog", "puppy"],
        "chase": ["chases", "hunts"],
        "prey": ["the mouse", "the rat", "mice", "rodents"],
        "bird": ["sparrow", "robin"],
        "fish": ["trout", "salmon"],
        "place": ["garden", "barn", "kitchen", "cellar"],
        "sandwich": ["ham", "cheese", "tomato"],
        "dish": ["soup", "stew", "bread", "rice", "pasta"],
        "taste": ["delicious", "tasty", "salty", "sweet"],
        "drink": ["tea", "coffee", "milk", "juice"],
        "meal": ["breakfast", "lunch", "dinner"],
        "enjoy": ["like", "love"],
        "eater": ["I", "we", "they"],
        "number": ["two", "three", "four", "five"],
        "instrument": ["piano", "violin", "guitar", "flute"],
        "loudness": ["loud", "soft", "quiet"],
        "piece": ["song", "tune"],
    },
    "tables": {
        "person": [
            {"f": "queen", "m": "king", "fpl": "queens", "mpl": "kings", "act": "rules the kingdom", "at": "palace"},
            {
                "f": "princess",
                "m": "prince",
                "fpl": "princesses",
                "mpl": "princes",
                "act": "inherits the crown",
                "at": "castle",
            },
            {
                "f": "mother",
                "m": "father",
                "fpl": "mothers",
                "mpl": "fathers",
                "act": "raises the children",
                "at": "home",
            },
            {"f": "woman", "m": "man", "fpl": "women", "mpl": "men", "act": "works in town", "at": "office"},
            {"f": "girl", "m": "boy", "fpl": "girls", "mpl": "boys", "act": "learns to read", "at": "school"},
            {"f": "actress", "m": "actor", "fpl": "actresses", "mpl": "actors", "act": "plays a part", "at": "theatre"},
        ],
        "country": [
            {"name": "France", "capital": "Paris", "speech": "French", "river": "Seine"},
            {"name": "Germany", "capital": "Berlin", "speech": "German", "river": "Spree"},
            {"name": "Italy", "capital": "Rome", "speech": "Italian", "river": "Tiber"},
            {"name": "Spain", "capital": "Madrid", "speech": "Spanish", "river": "Manzanares"},
            {"name": "China", "capital": "Beijing", "speech": "Chinese", "river": "Yongding"},
            {"name": "Japan", "capital": "Tokyo", "speech": "Japanese", "river": "Sumida"},
            {"name": "Russia", "capital": "Moscow", "speech": "Russian", "river": "Moskva"},
        ],
    },
    "topics": {
        "animals": [
            "The {feline} {chase} {prey}",
            "The {feline} {chase} {prey} in the {place}",
            "A {feline} sleeps in the {place}",
            "My {feline} purrs and drinks milk",
            "The {canine} {chase} the {feline}",
            "A {canine} barks in the {place}",
            "My {canine} wags its tail",
            "The {feline} watches a {bird} and a {fish}",
            "A {bird} sings in the {place}",
            "A {fish} swims in the pond",
        ],
        "food": [
            "{eater} {enjoy} {sandwich} sandwiches",
            "{eater} eat {dish} for {meal}",
            "{eater} {enjoy} {dish} with {drink}",
            "The {dish} tastes {taste}",
            "The {sandwich} sandwiches taste {taste}",
            "{eater} drink {drink} at {meal}",
            "Please bring {number} cups of {drink}",
        ],
        "people": [
            "The {person.f} says that she {person.act} herself",
            "The {person.m} says that he {person.act} himself",
            "She is the {person.f} and her {person.at} is large",
            "He is the {person.m} and his {person.at} is large",
            "The {person.f} goes to her {person.at}",
            "The {person.m} goes to his {person.at}",
            "The {person.mpl} and the {person.fpl} meet at the {person.at}",
        ],
        "geography": [
            "{country.capital} is the capital of {country.name}",
            "People in {country.capital} speak {country.speech}",
            "The people of {country.name} speak {country.speech}",
            "The river {country.river} flows through {country.capital}",
            "The train from {country.capital} to {country2.capital} leaves at noon",
            "{country.name} and {country2.name} signed a treaty",
        ],
        "music": [
            "The {person.f} plays a {loudness} {piece} on the {instrument}",
            "The {person.m} plays a {loudness} {piece} on the {instrument}",
            "A {loudness} {piece} for {instrument} and {instrument2}",
            "{number} {person.mpl} sing a {loudness} {piece}",
            "{number} {person.fpl} sing a {loudness} {piece}",
        ],
    },
    "synonyms": [
        ("cat", "kitten"),
        ("dog", "puppy"),
        ("chases", "hunts"),
        ("mice", "rodents"),
        ("like", "love"),
        ("song", "tune"),
        ("delicious", "tasty"),
    ],
    "categories": {
        "feline": ["cat", "kitten"],
        "canine": ["dog", "puppy"],
        "drink": ["tea", "coffee", "milk", "juice"],
        "dish": ["soup", "stew", "bread", "rice", "pasta"],
        "instrument": ["piano", "violin", "guitar", "flute"],
        "meal": ["breakfast", "lunch", "dinner"],
    },
}

CHINESE = {
    "joiner": "",
    "columns": {
        "猫": ["猫", "小猫"],
        "狗": ["狗", "小狗"],
        "捉": ["追", "捕"],
        "鼠": ["老鼠", "鼠"],
        "鸟": ["麻雀", "燕子"],
        "鱼": ["鲤鱼", "鲫鱼"],
        "地方": ["花园", "谷仓", "厨房", "地窖"],
        "馅": ["火腿", "奶酪", "番茄"],
        "菜": ["汤", "面包", "米饭", "面条", "饺子"],
        "味道": ["好吃", "美味", "很咸", "很甜"],
        "饮料": ["茶", "咖啡", "牛奶", "果汁"],
        "餐": ["早餐", "午餐", "晚餐"],
        "喜欢": ["喜欢", "爱"],
        "谁": ["我", "我们", "他们"],
        "几": ["两", "三", "四", "五"],
        "乐器": ["钢琴", "小提琴", "吉他", "长笛"],
        "声": ["响亮", "轻柔", "安静"],
        "曲": ["歌", "曲子"],
    },
    "tables": {
        "人": [
            {"f": "女王", "m": "国王", "act": "统治 王国", "at": "宫殿"},
            {"f": "公主", "m": "王子", "act": "继承 王位", "at": "城堡"},
            {"f": "母亲", "m": "父亲", "act": "养育 孩子", "at": "家"},
            {"f": "女人", "m": "男人", "act": "在 城里 工作", "at": "办公室"},
            {"f": "女孩", "m": "男孩", "act": "学习 读书", "at": "学校"},
            {"f": "女演员", "m": "男演员", "act": "扮演 角色", "at": "剧院"},
        ],
        "国": [
            {"name": "法国", "capital": "巴黎", "speech": "法语", "river": "塞纳河"},
            {"name": "德国", "capital": "柏林", "speech": "德语", "river": "施普雷河"},
            {"name": "意大利", "capital": "罗马", "speech": "意大利语", "river": "台伯河"},
            {"name": "西班牙", "capital": "马德里", "speech": "西班牙语", "river": "曼萨纳雷斯河"},
            {"name": "中国", "capital": "北京", "speech": "汉语", "river": "永定河"},
            {"name": "日本", "capital": "东京", "speech": "日语", "river": "隅田川"},
            {"name": "俄罗斯", "capital": "莫斯科", "speech": "俄语", "river": "莫斯科河"},
        ],
    },
    "topics": {
        "animals": [
            "{猫} {捉} {鼠}",
            "{猫} 在 {地方} {捉} {鼠}",
            "{猫} 在 {地方} 睡觉",
            "我 的 {猫} 喝 牛奶",
            "{狗} {捉} {猫}",
            "{狗} 在 {地方} 叫",
            "我 的 {狗} 摇 尾巴",
            "{猫} 看着 {鸟} 和 {鱼}",
            "{鸟} 在 {地方} 唱歌",
            "{鱼} 在 池塘 里 游",
        ],
        "food": [
            "{谁} {喜欢} {馅} 三明治",
            "{谁} {餐} 吃 {菜}",
            "{谁} {喜欢} {菜} 和 {饮料}",
            "{菜} {味道}",
            "{馅} 三明治 {味道}",
            "{谁} {餐} 喝 {饮料}",
            "请 拿 {几} 杯 {饮料}",
        ],
        "people": [
            "{人.f} 说 她 自己 {人.act}",
            "{人.m} 说 他 自己 {人.act}",
            "她 是 {人.f} ， 她 的 {人.at} 很 大",
            "他 是 {人.m} ， 他 的 {人.at} 很 大",
            "{人.f} 去 她 的 {人.at}",
            "{人.m} 去 他 的 {人.at}",
            "{人.m} 和 {人.f} 在 {人.at} 见面",
        ],
        "geography": [
            "{国.capital} 是 {国.name} 的 首都",
            "{国.capital} 的 人 说 {国.speech}",
            "{国.name} 的 人民 说 {国.speech}",
            "{国.river} 流过 {国.capital}",
            "从 {国.capital} 到 {国2.capital} 的 火车 中午 出发",
            "{国.name} 和 {国2.name} 签订 条约",
        ],
        "music": [
            "{人.f} 用 {乐器} 演奏 {声} 的 {曲}",
            "{人.m} 用 {乐器} 演奏 {声} 的 {曲}",
            "{乐器} 和 {乐器2} 的 {声} 的 {曲}",
            "{几} 个 {人.m} 唱 {声} 的 {曲}",
            "{几} 个 {人.f} 唱 {声} 的 {曲}",
        ],
    },
    "synonyms": [
        ("猫", "小猫"),
        ("狗", "小狗"),
        ("追", "捕"),
        ("老鼠", "鼠"),
        ("喜欢", "爱"),
        ("歌", "曲子"),
        ("好吃", "美味"),
    ],
    "categories": {
        "feline": ["猫", "小猫"],
        "canine": ["狗", "小狗"],
        "drink": ["茶", "咖啡", "牛奶", "果汁"],
        "dish": ["汤", "面包", "米饭", "面条", "饺子"],
        "instrument": ["钢琴", "小提琴", "吉他", "长笛"],
        "meal": ["早餐", "午餐", "晚餐"],
    },
}

GRAMMARS = {"en": ENGLISH, "zh": CHINESE}

_SLOT = re.compile(r"\{([^\d.}]+)(\d*)(?:\.(\w+))?\}")


def toy_world(n, language="en", seed=0):
    """Sentences of a small world of animals, food, people, countries and music.

    Parameters
    ----------
    n : int
        How many sentences.
    language : {"en", "zh"}, default "en"
    seed : int, default 0

    Returns
    -------
    ToyWorld

    Raises
    ------
    ValueError, TypeError
        For another language, or `n` or `seed` below 0 or no integers.

    Examples
    --------
    >>> world = toy_world(2000, seed=1)
    >>> {"The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"} <= set(world.sentences)
    True
    >>> world.synonyms[0], ("king", "queen", "man", "woman") in world.analogies
    (('cat', 'kitten'), True)
    """
    n = check_integer("n", n, minimum=0)
    seed = check_integer("seed", seed, minimum=0)
    grammar = GRAMMARS[check_choice("language", language, tuple(GRAMMARS))]
    rng = np.random.default_rng(seed)
    names = list(grammar["topics"])
    topics, sentences, tokens = [], [], []
    for topic in rng.integers(len(names), size=n):
        templates = grammar["topics"][names[topic]]
        words = _fill(templates[rng.integers(len(templates))], grammar, rng).split()
        sentence = grammar["joiner"].join(words)
        topics.append(names[topic])
        sentences.append(sentence[:1].upper() + sentence[1:])
        tokens.append([word.lower() for word in words if word.isalnum()])
    return ToyWorld(
        sentences=sentences,
        tokens=tokens,
        topics=topics,
        synonyms=list(grammar["synonyms"]),
        categories={name: list(words) for name, words in grammar["categories"].items()},
        analogies=_analogies(grammar),
    )


def _fill(template, grammar, rng):
    """Replace every slot by a word; slots of one table and number share a row, and different numbers never do."""
    rows = {}

    def word(slot):
        name, number, column = slot.groups()
        choices = grammar["columns"].get(name) or grammar["tables"][name]
        if (name, number) not in rows:
            taken = [row for (other, _), row in rows.items() if other == name]
            free = [row for row in range(len(choices)) if row not in taken]
            rows[name, number] = free[rng.integers(len(free))]
        choice = choices[rows[name, number]]
        return choice[column] if column else choice

    return _SLOT.sub(word, template)


def _analogies(grammar):
    """Every pair of pairs of the two relations: man to woman, country to capital."""
    people, countries = grammar["tables"].values()
    relations = [[(row["m"], row["f"]) for row in people], [(row["name"], row["capital"]) for row in countries]]
    return [
        (a.lower(), b.lower(), c.lower(), d.lower())
        for relation in relations
        for a, b in relation
        for c, d in relation
        if a != c
    ]
