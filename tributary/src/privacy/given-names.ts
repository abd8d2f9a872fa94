/** Given names that many people have, of the five languages; a column of names holds some of them, a column of things hardly any. */
const COMMON = `
james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald steven paul andrew joshua kenneth kevin brian george
timothy ronald edward jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory alexander patrick frank raymond jack dennis
jerry tyler aaron jose adam nathan henry zachary douglas peter kyle noah ethan jeremy christian walter keith austin roger terry sean gerald carl dylan harold jordan jesse bryan
lawrence arthur gabriel bruce logan billy joe alan juan elijah willie albert wayne randy mason vincent liam roy bobby caleb bradley russell lucas mary patricia jennifer linda
elizabeth barbara susan jessica karen sarah lisa nancy sandra betty ashley emily kimberly margaret donna michelle carol amanda melissa deborah stephanie rebecca sharon laura cynthia
amy kathleen angela dorothy shirley emma brenda nicole pamela samantha anna katherine christine debra rachel olivia carolyn maria janet heather diane catherine julie victoria helen
joyce lauren kelly christina joan judith evelyn hannah andrea megan cheryl jacqueline madison martha abigail teresa sophia ann sara janice jean alice judy grace denise amber
marilyn danielle beverly isabella theresa diana natalie brittany charlotte marie kayla alexis lori
peter wolfgang klaus hans juergen dieter manfred uwe bernd werner helmut gerhard horst heinz guenter karl walter rolf joachim rainer andreas stefan markus martin sebastian
florian tobias matthias jan lukas leon finn jonas luca maximilian felix niklas moritz philipp fabian dominik kai lars sven torsten holger ralf frank jens dirk axel volker
ursula monika petra elke sabine renate helga karin brigitte ingrid erika gisela christa gabriele susanne birgit heike martina claudia angelika kerstin silke anja katrin stefanie
julia katharina lena leonie lea sophie marie johanna hannah mia emilia clara frieda greta paula antonia franziska jana nina tanja melanie sandra nadine annika wiebke
jean pierre michel philippe alain nicolas christophe patrick daniel bernard frederic jacques laurent eric pascal thierry sebastien francois olivier stephane julien gerard
vincent thomas david guillaume maxime romain alexandre antoine kevin clement mathieu quentin hugo theo enzo leo nathan gabriel raphael arthur louis jules adam lucas ethan
nathalie isabelle sylvie catherine francoise valerie martine christine monique sandrine veronique nicole stephanie sophie celine chantal patricia anne julie aurelie caroline
jacqueline brigitte camille laura emilie lea manon chloe emma jade louise alice lina ines juliette lucie clara margaux mathilde pauline marion elodie audrey virginie delphine
antonio manuel jose francisco david juan javier daniel carlos jesus alejandro miguel rafael pedro angel pablo sergio fernando jorge luis alberto alvaro diego adrian raul enrique
ramon vicente ivan ruben oscar andres joaquin santiago eduardo victor mario roberto jaime marcos ignacio jordi hugo martin lucas mateo leo guillermo emilio cristian
carmen ana isabel laura cristina marta dolores lucia pilar maria elena sara paula raquel manuela mercedes rosario juana teresa beatriz encarnacion silvia julia irene patricia
montserrat andrea rocio monica alba angela sonia alicia sandra marina susana natalia yolanda margarita claudia eva inmaculada sofia esther noelia veronica nuria lorena carolina
giuseppe giovanni antonio mario luigi francesco angelo vincenzo pietro salvatore carlo franco domenico bruno paolo michele giorgio aldo sergio luciano andrea marco alessandro
stefano roberto alberto riccardo matteo lorenzo davide simone federico luca filippo gabriele leonardo tommaso edoardo nicola fabio massimo claudio daniele enrico emanuele gianluca
anna giuseppina rosa angela giovanna teresa lucia carmela caterina francesca antonietta carla elena concetta rita margherita franca paola laura giulia chiara sara martina valentina
alessia silvia elisa federica giorgia ilaria aurora ginevra sofia alice beatrice gaia greta camilla arianna noemi serena roberta simona daniela barbara patrizia monica stefania
`;

const GIVEN_NAMES: ReadonlySet<string> = new Set(COMMON.split(/\s+/).filter(Boolean));

/** With or without what stands on its letters. */
export const isGivenName = (word: string): boolean =>
  GIVEN_NAMES.has(word.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase());
