package condition

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// parser reads a condition by recursive descent, one method for each level of
// precedence, the loosest first. A fault in the syntax ends it; other faults
// are gathered, so that they are reported together.
type parser struct {
	src    string
	opts   template.Options
	tok    token // the next one
	end    int   // where the one before ended
	depth  int
	chain  int // where the last bare path started, for hints
	refs   []template.Ref
	faults template.Faults
}

// stop is the syntax fault that ends parsing; nil means go on.
type stop = *template.Fault

func (p *parser) condition() node {
	p.chain = len(p.src)
	n, stop := p.whole()
	if stop != nil {
		p.faults = append(p.faults, *stop)
		return nil
	}
	return n
}

func (p *parser) whole() (node, stop) {
	if stop := p.advance(); stop != nil {
		return nil, stop
	}
	n, stop := p.choice()
	if stop != nil {
		return nil, stop
	}
	if p.tok.kind != tokenEnd {
		return nil, p.unexpected()
	}
	return n, nil
}

// advance reads the next token.
func (p *parser) advance() stop {
	p.end = p.tok.end
	tok, stop := lex(p.src, p.tok.end, p.opts)
	if stop != nil {
		return stop
	}
	p.tok = tok
	return nil
}

// accept reads over the next token if it is of this kind.
func (p *parser) accept(kind tokenKind) (bool, stop) {
	if p.tok.kind != kind {
		return false, nil
	}
	return true, p.advance()
}

// expect reads over the next token, which must be of this kind.
func (p *parser) expect(kind tokenKind) stop {
	if p.tok.kind != kind {
		return p.unexpected()
	}
	return p.advance()
}

// down goes one level of nesting deeper; up comes back.
func (p *parser) down() stop {
	if p.depth++; p.depth > MaxNesting {
		return &template.Fault{Offset: p.tok.start, Message: fmt.Sprintf("the condition is nested deeper than %d levels", MaxNesting)}
	}
	return nil
}

func (p *parser) up() { p.depth-- }

// unexpected makes the fault for a token that cannot stand where it is.
func (p *parser) unexpected() stop {
	f := &template.Fault{Offset: p.tok.start}
	switch p.tok.kind {
	case tokenEnd:
		f.Message = "the condition ends too early"
		if strings.TrimSpace(p.src) == "" {
			f.Message, f.Hint = "the condition is empty", "leave it out, or write true"
		}
		return f
	case tokenWord, tokenLiteral:
		f.Message = "an operator is missing before " + p.src[p.tok.start:min(p.tok.end, p.tok.start+40)]
		f.Hint = wordHint(p.tok.text)
	default:
		f.Message = fmt.Sprintf("%s cannot stand here", p.tok.kind)
	}
	if p.tok.kind == "-" {
		f.Hint = "conditions do not calculate"
		if _, end, err := value.ScanPath(p.src, p.chain); err == nil && p.chain < p.tok.start && end > p.tok.start {
			f.Hint = fmt.Sprintf("a path with a hyphen stands in braces: {{%s}}", p.src[p.chain:end])
		}
	}
	return f
}

// wordHint says what to write instead of a word of another language.
func wordHint(word string) string {
	switch strings.ToLower(word) {
	case "and":
		return "use &&"
	case "or":
		return "use ||"
	case "not":
		return "use !"
	case "is", "eq":
		return "use ==="
	case "contains":
		return "use .includes(...)"
	case "undefined", "nil", "none":
		return "use null; what may be missing is covered by ?. or ??"
	}
	return ""
}

// between is the span from the start of n to the last token read.
func (p *parser) between(n node) span { return span{n.place().start, p.end} }

// choice = either [ "?" choice ":" choice ]
func (p *parser) choice() (node, stop) {
	if stop := p.down(); stop != nil {
		return nil, stop
	}
	defer p.up()
	test, stop := p.either()
	if stop != nil {
		return nil, stop
	}
	if ok, stop := p.accept("?"); !ok || stop != nil {
		return test, stop
	}
	yes, stop := p.choice()
	if stop != nil {
		return nil, stop
	}
	if stop := p.expect(":"); stop != nil {
		return nil, stop
	}
	no, stop := p.choice()
	if stop != nil {
		return nil, stop
	}
	return &choice{p.between(test), test, yes, no}, nil
}

// either = both { "||" both } | both { "??" both }
//
// As in JavaScript, ?? is not mixed with || and && without parentheses.
func (p *parser) either() (node, stop) {
	left, and, stop := p.both()
	if stop != nil {
		return nil, stop
	}
	first := p.tok.kind
	for p.tok.kind == "||" || p.tok.kind == "??" {
		operator := p.tok
		if stop := p.advance(); stop != nil {
			return nil, stop
		}
		right, rightAnd, stop := p.both()
		if stop != nil {
			return nil, stop
		}
		and = and || rightAnd
		if operator.kind != first || and && operator.kind == "??" {
			return nil, &template.Fault{Offset: operator.start, Message: "?? and && or || stand side by side", Hint: "put parentheses around the part that belongs together"}
		}
		if operator.kind == "??" {
			p.cover(left)
			left = &coalesce{p.between(left), left, right}
			continue
		}
		left = &logical{p.between(left), true, left, right}
	}
	return left, nil
}

// cover notes that the paths of the left side of a ?? may lead nowhere; those inside
// a larger part are not covered.
func (p *parser) cover(n node) {
	c, ok := n.(*chain)
	for i := range p.refs {
		if ok && c.start <= p.refs[i].Offset && p.refs[i].Offset < c.base.end {
			p.refs[i].Covered = true
		}
	}
}

// both = equal { "&&" equal }; and reports whether there was a &&.
func (p *parser) both() (left node, and bool, stop stop) {
	if left, stop = p.equal(); stop != nil {
		return nil, false, stop
	}
	for p.tok.kind == "&&" {
		if stop = p.advance(); stop != nil {
			return nil, false, stop
		}
		right, stop := p.equal()
		if stop != nil {
			return nil, false, stop
		}
		left, and = &logical{p.between(left), false, left, right}, true
	}
	return left, and, nil
}

// equal = relation { ( "===" | "!==" | "==" | "!=" ) relation }
func (p *parser) equal() (node, stop) {
	left, stop := p.relation()
	if stop != nil {
		return nil, stop
	}
	for {
		operator := p.tok.kind
		switch operator {
		case "===", "!==", "==", "!=":
		default:
			return left, nil
		}
		if stop := p.advance(); stop != nil {
			return nil, stop
		}
		right, stop := p.relation()
		if stop != nil {
			return nil, stop
		}
		left = &equality{p.between(left), operator[0] == '!', left, right}
	}
}

// relation = unary [ ( "<" | "<=" | ">" | ">=" | "in" ) unary ]
func (p *parser) relation() (node, stop) {
	left, stop := p.unary()
	if stop != nil || !p.atRelation() {
		return left, stop
	}
	operator := p.tok.kind
	if stop := p.advance(); stop != nil {
		return nil, stop
	}
	right, stop := p.unary()
	if stop != nil {
		return nil, stop
	}
	if p.atRelation() {
		return nil, &template.Fault{Offset: p.tok.start, Message: "comparisons cannot be chained", Hint: "write a < b && b < c"}
	}
	if operator == tokenWord {
		return &membership{p.between(left), left, right}, nil
	}
	return &ordering{p.between(left), operator, left, right}, nil
}

func (p *parser) atRelation() bool {
	switch p.tok.kind {
	case "<", "<=", ">", ">=":
		return true
	}
	return p.tok.kind == tokenWord && p.tok.text == "in"
}

// unary = "!" unary | "-" number | chain
func (p *parser) unary() (node, stop) {
	start := p.tok.start
	switch p.tok.kind {
	case "!":
		if stop := p.down(); stop != nil {
			return nil, stop
		}
		defer p.up()
		if stop := p.advance(); stop != nil {
			return nil, stop
		}
		operand, stop := p.unary()
		if stop != nil {
			return nil, stop
		}
		return &not{span{start, p.end}, operand}, nil
	case "-":
		if stop := p.advance(); stop != nil {
			return nil, stop
		}
		number, ok := p.tok.literal.(json.Number)
		if !ok {
			return nil, &template.Fault{Offset: start, Message: "- stands before a number only", Hint: "conditions do not calculate"}
		}
		stop := p.advance()
		return &literal{span{start, p.end}, "-" + number}, stop
	}
	return p.operand()
}
