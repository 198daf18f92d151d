package condition

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// operand = primary { "." name [ arguments ] | "?." name [ arguments ] | [ "?." ] "[" choice "]" }
func (p *parser) operand() (node, stop) {
	start := p.tok.start
	first, stop := p.primary()
	if stop != nil {
		return nil, stop
	}
	c, ok := first.(*chain)
	if !ok {
		c = &chain{inner: first, base: span{start, p.end}}
	}
	c.start = start
	for {
		l := link{span: span{start: start}}
		switch p.tok.kind {
		case ".", "?.":
			stop = p.member(&l)
		case "[":
			stop = p.index(&l)
		default:
			if len(c.links) == 0 && c.inner != nil {
				return first, nil
			}
			c.end = p.end
			p.addRefs(c)
			return c, nil
		}
		if stop != nil {
			return nil, stop
		}
		l.end = p.end
		c.links = append(c.links, l)
	}
}

// primary = literal | placeholder | root | "(" choice ")" | list
func (p *parser) primary() (node, stop) {
	tok := p.tok
	at := span{tok.start, tok.end}
	switch tok.kind {
	case tokenLiteral:
		return &literal{at, tok.literal}, p.advance()
	case tokenPlaceholder:
		return &chain{expr: tok.expr, base: at}, p.advance()
	case tokenWord:
		return p.word(tok.text, at), p.advance()
	case "(":
		if stop := p.advance(); stop != nil {
			return nil, stop
		}
		n, stop := p.choice()
		if stop != nil {
			return nil, stop
		}
		return n, p.expect(")")
	case "[":
		return p.list()
	}
	return nil, p.unexpected()
}

func (p *parser) word(word string, at span) node {
	switch word {
	case "true", "false":
		return &literal{at, word == "true"}
	case "null":
		return &literal{at, nil}
	}
	p.chain = at.start
	if f := p.opts.CheckRoot(word); f != nil {
		f.Offset = at.start
		if hint := wordHint(word); hint != "" {
			f.Hint = hint
		}
		p.faults = append(p.faults, *f)
	}
	return &chain{root: word, base: at}
}

// list = "[" [ choice { "," choice } ] "]"
func (p *parser) list() (node, stop) {
	start := p.tok.start
	if stop := p.advance(); stop != nil {
		return nil, stop
	}
	elements := []node{}
	for p.tok.kind != "]" {
		if len(elements) > 0 {
			if stop := p.expect(","); stop != nil {
				return nil, stop
			}
		}
		n, stop := p.choice()
		if stop != nil {
			return nil, stop
		}
		elements = append(elements, n)
	}
	stop := p.advance()
	at := span{start, p.end}
	values := make([]any, len(elements))
	for i, el := range elements {
		lit, ok := el.(*literal)
		if !ok {
			return &list{at, elements}, stop
		}
		values[i] = lit.value
	}
	return &literal{at, values}, stop
}

// index reads [index].
func (p *parser) index(l *link) stop {
	l.kind = linkIndex
	if stop := p.advance(); stop != nil {
		return stop
	}
	n, stop := p.choice()
	if stop != nil {
		return stop
	}
	l.index = n
	return p.expect("]")
}

// member reads .name, ?.name or ?.[index], with arguments if there are any.
func (p *parser) member(l *link) stop {
	l.optional = p.tok.kind == "?."
	if stop := p.advance(); stop != nil {
		return stop
	}
	if l.optional && p.tok.kind == "[" {
		return p.index(l)
	}
	if p.tok.kind != tokenWord {
		return &template.Fault{Offset: p.tok.start, Message: "a name is missing behind the point", Hint: `an unusual key is written ["key"]`}
	}
	l.name = p.tok.text
	at := p.tok.start
	if stop := p.advance(); stop != nil {
		return stop
	}
	if p.tok.kind != "(" {
		return nil
	}
	l.kind = linkCall
	return p.arguments(l, at)
}

// arguments reads what the method named at this offset is called with.
func (p *parser) arguments(l *link, at int) stop {
	var ok bool
	if l.method, ok = methodNamed(l.name); !ok {
		p.faults = append(p.faults, template.Fault{Offset: at, Message: fmt.Sprintf("there is no method %q", l.name), Hint: suggest.Hint(l.name, methodNames())})
	}
	if stop := p.advance(); stop != nil {
		return stop
	}
	var args []node
	for p.tok.kind != ")" {
		if len(args) > 0 {
			if stop := p.expect(","); stop != nil {
				return stop
			}
		}
		n, stop := p.choice()
		if stop != nil {
			return stop
		}
		args = append(args, n)
	}
	switch {
	case ok && len(args) != l.method.args:
		p.faults = append(p.faults, template.Fault{Offset: at, Message: fmt.Sprintf("%s takes %d arguments, not %d", l.name, l.method.args, len(args))})
	case len(args) > 0:
		l.arg = args[0]
	}
	return p.advance()
}

// addRefs records the paths that c reads itself.
func (p *parser) addRefs(c *chain) {
	if c.expr != nil {
		p.refs = append(p.refs, c.expr.Refs()...)
	}
	if c.root == "" {
		return
	}
	ref := template.Ref{Root: c.root, Offset: c.base.start}
	for _, l := range c.links {
		ref.Covered = ref.Covered || l.optional
	}
	for i := range c.links {
		seg, ok := c.links[i].static()
		if !ok || seg.Key == "length" && i == len(c.links)-1 {
			break
		}
		if i == 0 && c.root == headersRoot {
			seg.Key = strings.ToLower(seg.Key)
		}
		ref.Path = append(ref.Path, seg)
	}
	p.refs = append(p.refs, ref)
}

// static returns the segment that the link always takes, if there is one.
func (l *link) static() (value.Segment, bool) {
	switch l.kind {
	case linkMember:
		return value.Segment{Key: l.name}, true
	case linkIndex:
		lit, ok := l.index.(*literal)
		if !ok {
			break
		}
		switch v := lit.value.(type) {
		case string:
			return value.Segment{Key: v}, true
		case json.Number:
			i, ok := value.Index(v)
			return value.Segment{Index: i, IsIndex: true}, ok
		}
	}
	return value.Segment{}, false
}
